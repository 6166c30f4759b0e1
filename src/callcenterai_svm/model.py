"""A trained model over plain strings: load, save, predict.

It reproduces the scores of the scikit-learn pipeline it was exported from, in a small
fraction of the time and without scikit-learn.
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
from .serialization import deserialize, serialize
from .topics import Topic
from .vocabulary import Vocabulary

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Largest model file, in bytes: three times the size budget of a shipped model."""

MAX_BATCH_CHARACTERS: Final = 1 << 15
"""Characters of the texts that are scored together: about a hundred tickets, for which a
batch needs 5 MB, or 30 MB if every text is a single letter."""

SENTINEL: Final = np.array([-1], np.int32)
"""Differs from the index of every n-gram."""

SUBLINEAR_TF: Final = 1 + np.log(np.arange(1 << 14).clip(1))
"""1 + ln(n) for the counts that occur in practice; a look-up takes a sixth of the time."""


class TopicModel:
    """A linear model over the word and character n-grams of a text.

    Args:
        version: Identifies the model.
        arrays: The numbers of the model.

    Attributes:
        version: First twelve hex digits of the SHA-256 of the model file.
        topics: The topics it predicts, in the order of the scores.
    """

    def __init__(self, version: str, arrays: ModelArrays) -> None:
        self.version: Final[str] = version
        self.topics: Final[tuple[Topic, ...]] = arrays.topics
        self._vocabulary = Vocabulary(arrays.words, arrays.characters)
        # The empty n-grams that precede words and characters weigh nothing.
        positions = (0, len(arrays.words))
        self._idf = np.insert(arrays.idf, positions, 0)
        self._weights = np.insert(arrays.weights, positions, 0, axis=0)
        self._intercept = arrays.intercept
        self._inverse_temperature = arrays.inverse_temperature

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""
        best = self.scores(texts).argmax(axis=1)
        return [self.topics[column] for column in best.tolist()]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Returns the probabilities: one row per text, one column per topic."""
        scores = self.scores(texts) * self._inverse_temperature
        # Subtracting the largest score keeps the exponentials from overflowing.
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        rows: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return rows

    def scores(self, texts: Sequence[str]) -> Floats:
        """Returns the SVM scores: one row per text, one column per topic."""
        if not texts:
            return np.empty((0, len(self.topics)))
        return np.concatenate([self._scores(texts[batch]) for batch in _batches(texts)])

    def _scores(self, texts: Sequence[str]) -> Floats:
        each = map(self._vocabulary.indices, texts)
        indices = np.concatenate([SENTINEL, *each, SENTINEL])
        # The indices of a text are sorted and begin with 0, so each run of equal
        # neighbours is one n-gram of one text, and its length is the n-gram's count.
        (ends,) = (indices[1:] != indices[:-1]).nonzero()
        ngrams = indices.take(ends[1:])
        values = _sublinear_tf(ends[1:] - ends[:-1]) * self._idf.take(ngrams)
        rows = self._weights.take(ngrams, axis=0)
        # Only the empty n-grams have the value 0: they mark where the words and the
        # characters of each text begin.
        (begins,) = (values == 0).nonzero()
        norms = np.sqrt(np.add.reduceat(values * values, begins))
        norms[norms == 0] = 1
        parts = pairwise([*begins.tolist(), len(values)])
        sums = np.array([values[start:end] @ rows[start:end] for start, end in parts])
        sums /= norms[:, np.newaxis]
        scores: Floats = sums[0::2] + sums[1::2] + self._intercept
        return scores


def save(arrays: ModelArrays, path: Path) -> str:
    """Writes the model file atomically and returns the model's version.

    Equal arrays give equal bytes, and therefore equal versions.
    """
    content = serialize(arrays)
    # In the same folder: a rename is atomic only within one file system.
    with TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
        partial = Path(folder) / path.name
        partial.write_bytes(content)
        partial.replace(path)
    return _version(content)


def load(path: Path) -> TopicModel:
    """Reads a model that ``save`` has written.

    Raises:
        ModelError: If the file does not exist, is too large or is not a model file. The
            message names the file.
    """
    content = _read(path)
    try:
        model = TopicModel(_version(content), deserialize(content))
        _check_probabilities(model)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte more than allowed detects any longer file, even an endless one.
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ModelError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    return content


def _check_probabilities(model: TopicModel) -> None:
    """Raises if a model that loads still cannot predict."""
    (row,) = model.probabilities(["a sample ticket"])
    if not np.isclose(row.sum(), 1):
        raise ModelError("its probabilities do not add up to 1")


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _sublinear_tf(counts: NDArray[np.intp]) -> Floats:
    """Returns 1 + ln(n) of each count, as scikit-learn's ``sublinear_tf`` does."""
    try:
        frequencies: Floats = SUBLINEAR_TF.take(counts)
    except IndexError:
        frequencies = 1 + np.log(counts)
    return frequencies


def _batches(texts: Sequence[str]) -> Iterator[slice]:
    """Yields slices that cover all texts; a text over the limit gets its own batch."""
    start = size = 0
    for position, text in enumerate(texts):
        size += len(text)
        if size > MAX_BATCH_CHARACTERS and position > start:
            yield slice(start, position)
            start, size = position, len(text)
    yield slice(start, len(texts))
