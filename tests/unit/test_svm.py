"""The SVM of each topic, and what it is told about n-grams."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import LinearSVC

from callcenterai_svm import svm
from callcenterai_svm.evaluation import Floats
from callcenterai_svm.svm import TOLERANCE, TopicSVM, evidence

# Forty tickets of four topics: feature 0 tells topic 0, feature 1 tells nothing, and
# feature 2 stands in one ticket of topic 0.
TOPICS = np.arange(40) % 4


@pytest.fixture
def features() -> sparse.csr_array:
    """Features of the tickets, and some chance beside them."""
    rows = np.zeros((40, 10))
    rows[TOPICS == 0, 0] = 1
    rows[:, 1] = 1
    rows[0, 2] = 1
    rows[:, 3:] = np.random.default_rng(0).random((40, 7)).round()
    return sparse.csr_array(rows)


@pytest.fixture
def factors(features: sparse.csr_array) -> Floats:
    """What is told about the features for topic 0."""
    return evidence(features, TOPICS == 0)


def test_clear_ngram_counts_for_more(factors: Floats) -> None:
    """The clearest is the one that all tickets of the topic have, and no other."""
    assert factors.argmax() == 0
    assert factors[0] > 2 * factors[1]


def test_ngram_of_one_ticket_is_not_believed_much(factors: Floats) -> None:
    """However exclusive it is; it still counts for more than one that tells nothing."""
    assert factors[1] < factors[2] < factors[0]


def test_factors_have_the_mean_one(factors: Floats) -> None:
    """So C has one meaning, whatever is told, and none of them is nothing."""
    assert factors.mean() == pytest.approx(1)
    assert factors.min() >= 1 - svm.TOLD


def test_nothing_to_tell_is_no_division_by_nothing() -> None:
    """All tickets alike, half of them of the topic."""
    factors = evidence(sparse.csr_array(np.ones((4, 2))), np.arange(4) < 2)
    assert factors.tolist() == [1 - svm.TOLD] * 2


def test_told_nothing_it_is_the_usual_svm(
    features: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One against the rest, balanced."""
    monkeypatch.setattr(svm, "TOLD", 0)
    fitted = TopicSVM(0.5, seed=3).fit(features, TOPICS)
    for topic, row in enumerate(fitted.coef_):
        usual = LinearSVC(
            C=0.5, class_weight="balanced", random_state=3, tol=TOLERANCE
        ).fit(features, TOPICS == topic)
        np.testing.assert_allclose(row, usual.coef_[0], atol=1e-9)
        assert fitted.intercept_[topic] == pytest.approx(usual.intercept_[0])


def test_scores_are_linear_in_the_features(features: sparse.csr_array) -> None:
    """The factors are part of the coefficients."""
    fitted = TopicSVM(0.5).fit(features, TOPICS)
    expected = features.toarray() @ fitted.coef_.T + fitted.intercept_
    np.testing.assert_allclose(fitted.decision_function(features), expected)
    assert (fitted.predict(features) == expected.argmax(axis=1)).all()


def test_two_topics_share_one_svm(features: sparse.csr_array) -> None:
    """A score above 0 means the second, as in scikit-learn."""
    topics = np.where(TOPICS == 0, "Storage", "Access")
    fitted = TopicSVM(0.5).fit(features, topics)
    scores = fitted.decision_function(features)
    assert scores.shape == (40,) and fitted.coef_.shape == (1, 10)
    assert (fitted.predict(features) == topics).mean() > 0.9
    assert ((scores > 0) == (fitted.predict(features) == "Storage")).all()
