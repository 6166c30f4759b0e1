"""Times both models on batches of 100 texts, without a server between; prints milliseconds per batch, as JSON.

Called with the tickets, the original's pickle and the folder of this service's model.
"""

import json
import pickle
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.model import load

from bench.service.baseline import predict
from bench.service.figures import BATCH
from bench.service.load import texts_of

ROUNDS: Final = 50
"""Batches of each model, in turn: a second or two."""


def milliseconds(predict: Callable[[list[str]], object], texts: list[str]) -> float:
    """Return how long one prediction of all texts takes."""
    began = time.perf_counter()
    predict(texts)
    return 1000 * (time.perf_counter() - began)


def main(data: Path, pickled: Path, folder: Path) -> dict[str, float]:
    """Return the median of each model."""
    original, ours = pickle.loads(pickled.read_bytes()), load(folder / MODEL_FILE)
    texts = texts_of(data)
    times = []
    for start in range(0, ROUNDS * BATCH, BATCH):
        batch = [texts[place % len(texts)] for place in range(start, start + BATCH)]
        times.append((milliseconds(partial(predict, original), batch), milliseconds(ours.predict, batch)))
    baseline, service = (statistics.median(column) for column in zip(*times, strict=True))
    return {"baseline_batch_ms_per_100": baseline, "batch_ms_per_100": service}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(Path, sys.argv[1:]))))
