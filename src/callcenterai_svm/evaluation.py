"""Measures prediction quality from true topics and predicted probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 15
"""Number of equal-width confidence bins of the expected calibration error, as in Guo et
al., "On Calibration of Modern Neural Networks" (2017), https://arxiv.org/abs/1706.04599."""

DIGITS: Final = 4
"""Decimals of every metric: more than its uncertainty warrants."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class TopicMetrics:
    """Prediction quality for one topic.

    Attributes:
        topic: Name of the topic.
        precision: Share of the tickets predicted as this topic that have it.
        recall: Share of the tickets with this topic that were predicted as such.
        f1: Harmonic mean of precision and recall.
        support: Number of tickets with this topic.
    """

    topic: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Bin:
    """The predictions whose confidence lies in one interval.

    Attributes:
        low: Lower bound of the confidence, exclusive.
        high: Upper bound of the confidence, inclusive.
        count: Number of predictions.
        confidence: Mean confidence; 0 for an empty bin.
        accuracy: Share of correct predictions; 0 for an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Metrics of predictions on held-out tickets.

    Attributes:
        accuracy: Share of tickets predicted correctly.
        macro_f1: Unweighted mean of the topics' F1.
        ece: Expected calibration error of the predicted topic's probability.
        per_topic: Metrics of each topic.
        confusion: Tickets by true topic (row) and predicted topic (column).
        reliability: The bins behind ``ece``, from low to high confidence.
    """

    accuracy: float
    macro_f1: float
    ece: float
    per_topic: tuple[TopicMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Bin, ...]


def evaluate(
    topics: Sequence[str], truth: Indices, probabilities: Floats
) -> Evaluation:
    """Returns all metrics, rounded to ``DIGITS`` decimals.

    Args:
        topics: Names of the topics, in the order of the columns.
        truth: Column of each ticket's true topic.
        probabilities: One row per ticket, one column per topic; the prediction is the
            topic with the largest.
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
    """Returns the F1 of each topic; 0 for a topic with neither tickets nor predictions."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return _ratio(2 * np.diag(confusion), both)


def reliability(confidence: Floats, correct: NDArray[np.bool_]) -> list[Bin]:
    """Returns ``BINS`` equal-width bins; each includes its upper bound."""
    edges = np.linspace(0, 1, BINS + 1)
    of_bin = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(of_bin, minlength=BINS)
    mean = _ratio(np.bincount(of_bin, confidence, BINS), counts)
    accuracy = _ratio(np.bincount(of_bin, correct, BINS), counts)
    columns = (edges[:-1], edges[1:], counts, mean, accuracy)
    return [Bin(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the mean gap between accuracy and confidence, weighted by bin count."""
    gaps = (each.count * abs(each.accuracy - each.confidence) for each in bins)
    return sum(gaps) / sum(each.count for each in bins)


def _per_topic(
    topics: Sequence[str], confusion: Indices, f1: Floats
) -> list[TopicMetrics]:
    correct = np.diag(confusion)
    support = confusion.sum(axis=1)
    precision = _ratio(correct, confusion.sum(axis=0))
    recall = _ratio(correct, support)
    columns = (precision, recall, f1)
    rows = zip(*(map(_rounded, column) for column in columns), strict=True)
    return [
        TopicMetrics(topic, *row, int(count))
        for topic, row, count in zip(topics, rows, support, strict=True)
    ]


def _ratio(part: Any, whole: Any) -> Floats:
    """Divides element by element; 0 / 0 is 0."""
    ratios: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratios


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def _rounded_bin(each: Bin) -> Bin:
    edges = (_rounded(each.low), _rounded(each.high))
    return Bin(*edges, each.count, _rounded(each.confidence), _rounded(each.accuracy))
