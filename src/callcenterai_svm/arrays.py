"""The arrays of a trained model, validated on construction."""

from dataclasses import dataclass
from operator import lt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import ModelError
from .topics import TOPICS, Topic

Floats = NDArray[np.float64]

MAX_MAGNITUDE: Final = 1e6
"""Bound on every number of a model: far above what training produces, and small enough
that sums and products cannot overflow."""


# eq=False: comparing two arrays with == gives an array, not a bool.
@dataclass(frozen=True, eq=False)
class ModelArrays:
    """The numbers behind the scores. Each n-gram has one row, words before characters.

    Attributes:
        topics: The topics, in the order of the columns.
        words: Known words and pairs of words, sorted.
        characters: Known character n-grams, sorted.
        idf: Inverse document frequency of each n-gram.
        weights: Weight of each n-gram (row) for each topic (column).
        intercept: Score of each topic for an empty text.
        inverse_temperature: Factor on the scores before the softmax that turns them
            into probabilities.

    Raises:
        ModelError: If the arrays do not fit together, or hold values that training
            cannot produce.
    """

    topics: tuple[Topic, ...]
    words: tuple[str, ...]
    characters: tuple[str, ...]
    idf: Floats
    weights: Floats
    intercept: Floats
    inverse_temperature: Floats

    def __post_init__(self) -> None:
        _check_topics(self.topics)
        _check_sorted("words", self.words)
        _check_sorted("characters", self.characters)
        rows, columns = len(self.words) + len(self.characters), len(self.topics)
        _check_numbers("idf", self.idf, (rows,), lowest=0)
        _check_numbers("weights", self.weights, (rows, columns))
        _check_numbers("intercept", self.intercept, (columns,))
        _check_numbers("inverse_temperature", self.inverse_temperature, (), lowest=0)


def _check_topics(topics: tuple[Topic, ...]) -> None:
    if unknown := sorted(set(topics).difference(TOPICS)):
        raise ModelError(f"unknown topics: {unknown}")
    if len(set(topics)) != len(topics) or len(topics) < 2:
        raise ModelError(f"expected two or more different topics, found {list(topics)}")


def _check_sorted(name: str, ngrams: tuple[str, ...]) -> None:
    # Starting from "" also rejects an empty n-gram.
    if not all(map(lt, ("", *ngrams), ngrams)):
        raise ModelError(f"{name}: n-grams must be sorted, unique and not empty")


def _check_numbers(
    name: str, array: Floats, shape: tuple[int, ...], lowest: float = -MAX_MAGNITUDE
) -> None:
    if array.dtype != np.float64 or array.shape != shape:
        found = f"{array.dtype} {array.shape}"
        raise ModelError(f"{name}: expected float64 {shape}, found {found}")
    # Comparisons with NaN are false, so NaN fails too.
    if not ((array > lowest) & (array < MAX_MAGNITUDE)).all():
        raise ModelError(
            f"{name}: values must lie between {lowest:g} and {MAX_MAGNITUDE:g}"
        )
