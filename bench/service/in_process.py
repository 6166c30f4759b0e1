"""Times a model on batches of 100 texts without a server; prints the median milliseconds of a batch.

Its arguments are `original` or `ours`, the tickets, and the original's pickle or the folder of this service's model.
It runs in the environment of the one that it times.
"""

import pickle
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench.service.figures import BATCH
from bench.service.load import texts_of

ROUNDS: Final = 50
"""The number of batches, which take a second or two."""


def milliseconds(predict: Callable[[list[str]], object], texts: list[str]) -> float:
    """Return the milliseconds that one prediction of all texts takes."""
    began = time.perf_counter()
    predict(texts)
    return 1000 * (time.perf_counter() - began)


def main(which: str, data: Path, model: Path) -> float:
    """Return the median milliseconds of a batch."""
    predict, texts = (original if which == "original" else ours)(model), texts_of(data)
    starts = range(0, ROUNDS * BATCH, BATCH)
    batches = [[texts[place % len(texts)] for place in range(start, start + BATCH)] for start in starts]
    return statistics.median(milliseconds(predict, batch) for batch in batches)


def original(pickled: Path) -> Callable[[list[str]], object]:
    """Load the original's model and return its prediction function."""
    from bench.service.baseline import predict

    return partial(predict, pickle.loads(pickled.read_bytes()))  # noqa: S301 - written by baseline.py


def ours(folder: Path) -> Callable[[list[str]], object]:
    """Load this service's model and return its prediction function."""
    from callcenterai_svm import MODEL_FILE
    from callcenterai_svm.model import load

    return load(folder / MODEL_FILE).predict


if __name__ == "__main__":
    sys.stdout.write(str(main(sys.argv[1], *map(Path, sys.argv[2:]))))
