"""The metrics, compared with scikit-learn's and with values computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from callcenterai_svm.evaluation import (
    BINS,
    Evaluation,
    Floats,
    Indices,
    evaluate,
    expected_calibration_error,
    reliability,
)

TOPICS = ("a", "b", "c", "never predicted")


@pytest.fixture(scope="module")
def truth() -> Indices:
    """The true topics of 500 tickets."""
    return np.random.default_rng(0).integers(len(TOPICS), size=500)


@pytest.fixture(scope="module")
def probabilities(truth: Indices) -> Floats:
    """Predictions better than chance that never choose the last topic."""
    rows = np.random.default_rng(1).random((len(truth), len(TOPICS)))
    rows[np.arange(len(truth)), truth] += 0.5
    rows[:, -1] = 0
    normalised: Floats = rows / rows.sum(axis=1, keepdims=True)
    return normalised


@pytest.fixture(scope="module")
def evaluation(truth: Indices, probabilities: Floats) -> Evaluation:
    """The metrics of these predictions."""
    return evaluate(TOPICS, truth, probabilities)


def test_metrics_equal_those_of_scikit_learn(
    evaluation: Evaluation, truth: Indices, probabilities: Floats
) -> None:
    """Accuracy, macro-F1 and confusion matrix equal scikit-learn's."""
    predicted = probabilities.argmax(axis=1)
    assert evaluation.accuracy == round(accuracy_score(truth, predicted), 4)
    assert evaluation.macro_f1 == round(f1_score(truth, predicted, average="macro"), 4)
    assert evaluation.confusion == tuple(
        map(tuple, confusion_matrix(truth, predicted).tolist())
    )


def test_metrics_of_each_topic_equal_those_of_scikit_learn(
    evaluation: Evaluation, truth: Indices, probabilities: Floats
) -> None:
    """Precision, recall, F1 and support equal scikit-learn's, also without predictions."""
    columns = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), zero_division=0
    )
    found = [
        (each.precision, each.recall, each.f1, each.support)
        for each in evaluation.per_topic
    ]
    expected = zip(*(np.round(column, 4) for column in columns), strict=True)
    assert found == [tuple(row) for row in expected]
    assert [each.topic for each in evaluation.per_topic] == list(TOPICS)


def test_certain_and_correct_predictions_have_no_calibration_error() -> None:
    """Correct predictions with probability 1 are in the last bin, with no error."""
    bins = reliability(np.ones(3), np.ones(3, dtype=bool))
    assert [each.count for each in bins] == [0] * (BINS - 1) + [3]
    assert expected_calibration_error(bins) == 0


def test_calibration_error_is_weighted_by_tickets() -> None:
    """Each bin's gap between accuracy and confidence counts by its tickets."""
    confidence, correct = np.array([0.9, 0.9, 0.9, 0.5]), np.array([1, 1, 0, 1]) > 0
    bins = reliability(confidence, correct)
    expected = (3 * (0.9 - 2 / 3) + 1 * (1 - 0.5)) / 4
    assert expected_calibration_error(bins) == pytest.approx(expected)


def test_bin_includes_its_upper_bound() -> None:
    """A bin includes its upper bound; the first bin also includes 0."""
    edges = np.linspace(0, 1, BINS + 1)
    bins = reliability(edges, np.ones(len(edges), dtype=bool))
    assert [each.count for each in bins] == [2] + [1] * (BINS - 1)
    assert bins[0].low == 0 and bins[-1].high == 1


def test_reliability_covers_every_ticket(evaluation: Evaluation) -> None:
    """Every ticket is in exactly one bin."""
    assert sum(each.count for each in evaluation.reliability) == 500
