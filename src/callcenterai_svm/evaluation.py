"""How good predictions are: plain arithmetic over truth and probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 15
"""Bins of equal width in which confidence is compared with accuracy, as Guo et al. do
in "On Calibration of Modern Neural Networks" (2017)."""

DIGITS: Final = 4
"""Decimals of every figure: finer than the figures are certain."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class TopicFigures:
    """How well one topic is found.

    Attributes:
        topic: Its name.
        precision: Share of the tickets that were given this topic and have it.
        recall: Share of the tickets that have this topic and were given it.
        f1: Harmonic mean of the two.
        support: Tickets that have this topic.
    """

    topic: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Bin:
    """Predictions of similar confidence.

    Attributes:
        low: Confidence above which the bin begins.
        high: Confidence with which it ends.
        count: Predictions in it.
        confidence: Their mean probability; 0 if there are none.
        accuracy: Share of them that are right; 0 if there are none.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Figures of predictions on tickets held out of training.

    Attributes:
        accuracy: Share of tickets with the right topic.
        macro_f1: Mean of the topics' F1, each topic counting the same.
        ece: Expected calibration error of the predicted topic's probability.
        per_topic: Figures of each topic.
        confusion: Tickets by true topic (row) and predicted topic (column).
        reliability: The bins behind ``ece``, from low to high confidence.
    """

    accuracy: float
    macro_f1: float
    ece: float
    per_topic: tuple[TopicFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Bin, ...]


def evaluate(
    topics: Sequence[str], truth: Indices, probabilities: Floats
) -> Evaluation:
    """Returns all figures, rounded.

    Args:
        topics: Names of the topics, in the order of the columns.
        truth: Column of each ticket's own topic.
        probabilities: One row a ticket, one column a topic; the largest is predicted.
    """
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(truth, predicted, len(topics))
    f1 = f1_scores(confusion)
    bins = reliability(probabilities.max(axis=1), truth == predicted)
    return Evaluation(
        accuracy=_rounded(np.trace(confusion) / len(truth)),
        macro_f1=_rounded(f1.mean()),
        ece=_rounded(expected_calibration_error(bins)),
        per_topic=tuple(_per_topic(topics, confusion, f1)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        reliability=tuple(_rounded_bin(each) for each in bins),
    )


def confusion_matrix(truth: Indices, predicted: Indices, size: int) -> Indices:
    """Returns counts by true topic (row) and predicted topic (column)."""
    matrix = np.zeros((size, size), dtype=np.intp)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def f1_scores(confusion: Indices) -> Floats:
    """Returns the F1 of each topic; 0 for one that is neither there nor predicted."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return _ratio(2 * np.diag(confusion), both)


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> list[Bin]:
    """Returns ``BINS`` bins of equal width; each holds its upper end."""
    edges = np.linspace(0, 1, BINS + 1)
    of_bin = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(of_bin, minlength=BINS)
    mean = _ratio(np.bincount(of_bin, confidence, BINS), counts)
    accuracy = _ratio(np.bincount(of_bin, right, BINS), counts)
    columns = (edges[:-1], edges[1:], counts, mean, accuracy)
    return [Bin(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the mean distance of accuracy and confidence, weighted by tickets."""
    distances = (each.count * abs(each.accuracy - each.confidence) for each in bins)
    return sum(distances) / sum(each.count for each in bins)


def _per_topic(
    topics: Sequence[str], confusion: Indices, f1: Floats
) -> list[TopicFigures]:
    right = np.diag(confusion)
    support = confusion.sum(axis=1)
    precision = _ratio(right, confusion.sum(axis=0))
    recall = _ratio(right, support)
    columns = (precision, recall, f1)
    figures = zip(*(map(_rounded, column) for column in columns), strict=True)
    return [
        TopicFigures(topic, *row, int(count))
        for topic, row, count in zip(topics, figures, support, strict=True)
    ]


def _ratio(part: Any, whole: Any) -> Floats:
    """Divides, and takes nothing of nothing for 0."""
    ratios: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratios


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def _rounded_bin(each: Bin) -> Bin:
    edges = (_rounded(each.low), _rounded(each.high))
    return Bin(*edges, each.count, _rounded(each.confidence), _rounded(each.accuracy))
