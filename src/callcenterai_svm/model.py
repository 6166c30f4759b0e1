"""A trained model over plain strings: load, save, predict.

It gives the scores of the scikit-learn pipeline it was exported from, in a small part of
the time and without scikit-learn.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats, ModelArrays
from .errors import ModelError
from .storage import packed, unpacked
from .topics import Topic
from .vocabulary import Vocabulary

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a file: three times what a model that ships may have."""

MOST_CHARACTERS: Final = 1 << 15
"""Characters of texts that are scored in one pass: about a hundred tickets, for which a
pass needs 5 MB; 30 MB if each text is but a letter."""

EDGE: Final = np.array([-1], np.int32)
"""Differs from every number of an n-gram."""

DAMPENED: Final = 1 + np.log(np.arange(1 << 14).clip(1))
"""1 + ln(n) of the counts that are seen, at a sixth of the time."""


class TopicModel:
    """A linear model of the words and characters of a text.

    Args:
        version: What identifies the model.
        arrays: The model itself.

    Attributes:
        version: First twelve hex digits of the SHA-256 of the model's file.
        topics: What it can predict, in the order of the scores.
    """

    def __init__(self, version: str, arrays: ModelArrays) -> None:
        self.version: Final[str] = version
        self.topics: Final[tuple[Topic, ...]] = arrays.topics
        self._vocabulary = Vocabulary(arrays.words, arrays.characters)
        # The empty n-grams before the words and before the characters weigh nothing.
        places = (0, len(arrays.words))
        self._idf = np.insert(arrays.idf, places, 0)
        self._weights = np.insert(arrays.weights, places, 0, axis=0)
        self._intercept, self._beta = arrays.intercept, arrays.beta

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""
        best = self.scores(texts).argmax(axis=1)
        return [self.topics[column] for column in best.tolist()]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Returns a row for each text and a column for each topic."""
        scores = self.scores(texts) * self._beta
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        rows: Floats = likely / likely.sum(axis=1, keepdims=True)
        return rows

    def scores(self, texts: Sequence[str]) -> Floats:
        """Returns a row for each text and a column for each topic."""
        if not texts:
            return np.empty((0, len(self.topics)))
        return np.concatenate([self._scores(texts[few]) for few in _passes(texts)])

    def _scores(self, texts: Sequence[str]) -> Floats:
        each = map(self._vocabulary.numbers, texts)
        numbers = np.concatenate([EDGE, *each, EDGE])
        # Every text is sorted and begins with 0: where two neighbours differ, n-grams do.
        (ends,) = (numbers[1:] != numbers[:-1]).nonzero()
        ngrams = numbers.take(ends[1:])
        values = _dampened(ends[1:] - ends[:-1]) * self._idf.take(ngrams)
        rows = self._weights.take(ngrams, axis=0)
        # Only the empty n-grams have no value: words and characters of each text begin.
        (begins,) = (values == 0).nonzero()
        norms = np.sqrt(np.add.reduceat(values * values, begins))
        norms[norms == 0] = 1
        parts = pairwise([*begins.tolist(), len(values)])
        sums = np.array([values[start:end] @ rows[start:end] for start, end in parts])
        sums /= norms[:, np.newaxis]
        scores: Floats = sums[0::2] + sums[1::2] + self._intercept
        return scores


def save(arrays: ModelArrays, path: Path) -> str:
    """Writes a model and returns its version; a file is there whole or not at all.

    The same arrays give the same bytes, and so the same version.
    """
    file = packed(arrays)
    # Inside the folder: a rename is atomic on one file system only.
    with TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(file)
        partial.replace(path)
    return _version(file)


def load(path: Path) -> TopicModel:
    """Reads a model that ``save`` has written.

    Raises:
        ModelError: If there is no such file, ``save`` cannot have written it, or it is
            too large; the text names the file.
    """
    file = _content(path)
    try:
        model = TopicModel(_version(file), unpacked(file))
        _try_out(model)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One more than allowed is enough to know, also of what has no end.
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise ModelError(f"{path}: has more than {MOST_BYTES} bytes")
    return content


def _try_out(model: TopicModel) -> None:
    """What can be loaded may still not predict."""
    (row,) = model.probabilities(["does it answer"])
    if not np.isclose(row.sum(), 1):
        raise ModelError("gives no probabilities")


def _version(file: bytes) -> str:
    return hashlib.sha256(file).hexdigest()[:12]


def _dampened(counts: NDArray[np.intp]) -> Floats:
    """An n-gram that occurs twice does not count twice."""
    try:
        dampened: Floats = DAMPENED.take(counts)
    except IndexError:
        dampened = 1 + np.log(counts)
    return dampened


def _passes(texts: Sequence[str]) -> Iterator[slice]:
    """Yields slices that cover all texts; a longer one than a pass may have is alone."""
    start = size = 0
    for position, text in enumerate(texts):
        size += len(text)
        if size > MOST_CHARACTERS and position > start:
            yield slice(start, position)
            start, size = position, len(text)
    yield slice(start, len(texts))
