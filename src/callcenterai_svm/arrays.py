"""What a trained model consists of, checked once and for all."""

from dataclasses import dataclass
from operator import lt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import ModelError
from .topics import TOPICS, Topic

Floats = NDArray[np.float64]

LARGEST: Final = 1e6
"""No number of a trained model comes near it, and sums and products stay far from an
overflow."""


# Arrays have no one answer to ==.
@dataclass(frozen=True, eq=False)
class ModelArrays:
    """The numbers behind the scores; each n-gram has a row, words before characters.

    Attributes:
        topics: What the columns stand for.
        words: Known words and pairs of words, sorted.
        characters: Known sequences of characters, sorted.
        idf: How rare each n-gram is.
        weights: How much each n-gram speaks for each topic.
        intercept: The score of each topic for an empty text.
        beta: A softmax of the scores, multiplied by this, gives the probabilities.

    Raises:
        ModelError: If they do not fit together, or no training could have made them.
    """

    topics: tuple[Topic, ...]
    words: tuple[str, ...]
    characters: tuple[str, ...]
    idf: Floats
    weights: Floats
    intercept: Floats
    beta: Floats

    def __post_init__(self) -> None:
        _check_topics(self.topics)
        _check_order("words", self.words)
        _check_order("characters", self.characters)
        rows, columns = len(self.words) + len(self.characters), len(self.topics)
        _check_numbers("idf", self.idf, (rows,), lowest=0)
        _check_numbers("weights", self.weights, (rows, columns))
        _check_numbers("intercept", self.intercept, (columns,))
        _check_numbers("beta", self.beta, (), lowest=0)


def _check_topics(topics: tuple[Topic, ...]) -> None:
    if foreign := sorted(set(topics).difference(TOPICS)):
        raise ModelError(f"predicts unknown topics: {foreign}")
    if len(set(topics)) != len(topics) or len(topics) < 2:
        raise ModelError(f"needs two topics or more, all different: {list(topics)}")


def _check_order(name: str, ngrams: tuple[str, ...]) -> None:
    # The empty n-gram is before all others, and so not among them.
    if not all(map(lt, ("", *ngrams), ngrams)):
        raise ModelError(f"{name}: not sorted, or one is there twice, or empty")


def _check_numbers(
    name: str, array: Floats, shape: tuple[int, ...], lowest: float = -LARGEST
) -> None:
    if array.dtype != np.float64 or array.shape != shape:
        found = f"{array.dtype} {array.shape}"
        raise ModelError(f"{name}: float64 {shape} expected, {found} found")
    # What is no number is neither above nor below another.
    if not ((array > lowest) & (array < LARGEST)).all():
        raise ModelError(f"{name}: a number that is not in {lowest:g} to {LARGEST:g}")
