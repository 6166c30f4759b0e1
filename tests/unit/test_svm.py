"""The SVM of each topic, and the factors of its features."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import LinearSVC

from callcenterai_svm import svm
from callcenterai_svm.evaluation import Floats
from callcenterai_svm.svm import TOLERANCE, TopicSVM, feature_factors

# Forty tickets of four topics. Feature 0 identifies topic 0, feature 1 is uninformative,
# and feature 2 occurs in one ticket of topic 0.
TOPICS = np.arange(40) % 4


@pytest.fixture
def features() -> sparse.csr_array:
    """The features of the tickets, and seven random ones."""
    rows = np.zeros((40, 10))
    rows[TOPICS == 0, 0] = 1
    rows[:, 1] = 1
    rows[0, 2] = 1
    rows[:, 3:] = np.random.default_rng(0).random((40, 7)).round()
    return sparse.csr_array(rows)


@pytest.fixture
def factors(features: sparse.csr_array) -> Floats:
    """The factors of the features for topic 0."""
    return feature_factors(features, TOPICS == 0)


def test_informative_feature_has_the_largest_factor(factors: Floats) -> None:
    """The feature of exactly the topic's tickets has by far the largest factor."""
    assert factors.argmax() == 0
    assert factors[0] > 2 * factors[1]


def test_feature_of_one_ticket_has_a_moderate_factor(factors: Floats) -> None:
    """A feature of a single ticket ranks between uninformative and informative ones."""
    assert factors[1] < factors[2] < factors[0]


def test_factors_have_the_mean_one(factors: Floats) -> None:
    """The mean factor is 1, and no factor is below the share that is the same for all."""
    assert factors.mean() == pytest.approx(1)
    assert factors.min() >= 1 - svm.INFORMATIVENESS


def test_features_without_information_have_equal_factors() -> None:
    """If no feature is informative, the factors are equal and nothing divides by 0."""
    factors = feature_factors(sparse.csr_array(np.ones((4, 2))), np.arange(4) < 2)
    assert factors.tolist() == [1 - svm.INFORMATIVENESS] * 2


def test_without_informativeness_it_is_a_linear_svc(
    features: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At informativeness 0, each SVM equals a balanced one-vs-rest ``LinearSVC``."""
    monkeypatch.setattr(svm, "INFORMATIVENESS", 0)
    fitted = TopicSVM(0.5, seed=3).fit(features, TOPICS)
    for topic, row in enumerate(fitted.coef_):
        expected = LinearSVC(
            C=0.5, class_weight="balanced", random_state=3, tol=TOLERANCE
        ).fit(features, TOPICS == topic)
        np.testing.assert_allclose(row, expected.coef_[0], atol=1e-9)
        assert fitted.intercept_[topic] == pytest.approx(expected.intercept_[0])


def test_scores_are_linear_in_the_features(features: sparse.csr_array) -> None:
    """Scores are the product of features and coefficients, which include the factors."""
    fitted = TopicSVM(0.5).fit(features, TOPICS)
    expected = features.toarray() @ fitted.coef_.T + fitted.intercept_
    np.testing.assert_allclose(fitted.decision_function(features), expected)
    assert (fitted.predict(features) == expected.argmax(axis=1)).all()


def test_two_topics_share_one_svm(features: sparse.csr_array) -> None:
    """Of two topics, a score above 0 predicts the second, as in scikit-learn."""
    topics = np.where(TOPICS == 0, "Storage", "Access")
    fitted = TopicSVM(0.5).fit(features, topics)
    scores = fitted.decision_function(features)
    assert scores.shape == (40,) and fitted.coef_.shape == (1, 10)
    assert (fitted.predict(features) == topics).mean() > 0.9
    assert ((scores > 0) == (fitted.predict(features) == "Storage")).all()
