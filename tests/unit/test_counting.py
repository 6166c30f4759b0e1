"""Counting once for all folds gives the same features as fitting inside each fold."""

from typing import Any

import numpy as np
import pytest

from callcenterai_svm.counting import Counts, Rows, count_ngrams
from callcenterai_svm.dataset import Tickets
from callcenterai_svm.pipeline import folds, pipeline
from callcenterai_svm.svm import TopicSVM

Fold = tuple[Rows, Rows]


@pytest.fixture(scope="module")
def counts(tickets: Tickets) -> Counts:
    """N-gram counts of all tickets."""
    return count_ngrams(tickets.texts)


@pytest.fixture(scope="module", params=range(2))
def fold(tickets: Tickets, request: pytest.FixtureRequest) -> Fold:
    """The training rows and the held-out rows of a fold."""
    parts = list(folds(0).split(tickets.texts, tickets.topics))
    train, test = parts[request.param]
    return train, test


def take(values: tuple[str, ...], rows: Rows) -> list[str]:
    """The values in some rows."""
    return [values[row] for row in rows]


def identical(found: Any, expected: Any) -> bool:
    """Whether two sparse matrices have the same bits in the same order."""
    return found.shape == expected.shape and all(
        np.array_equal(getattr(found, name), getattr(expected, name))
        for name in ("indptr", "indices", "data")
    )


def test_features_equal_those_of_the_pipeline_fitted_inside_the_fold(
    tickets: Tickets, counts: Counts, fold: Fold
) -> None:
    """Vocabulary, IDF and norms depend on the fold's training tickets only."""
    train, test = fold
    vectoriser = pipeline(1.0, seed=0)[:-1].fit(take(tickets.texts, train))
    found_train, found_test = counts.features(train, test)
    assert identical(found_train, vectoriser.transform(take(tickets.texts, train)))
    assert identical(found_test, vectoriser.transform(take(tickets.texts, test)))


def test_scores_equal_those_of_the_pipeline_fitted_inside_the_fold(
    tickets: Tickets, counts: Counts, fold: Fold
) -> None:
    """The SVM scores differ only by rounding, from the order of summation."""
    train, test = fold
    topics = np.array(take(tickets.topics, train))
    plain = pipeline(0.1, seed=0).fit(take(tickets.texts, train), topics)
    features, unseen = counts.features(train, test)
    found = TopicSVM(0.1, seed=0).fit(features, topics).decision_function(unseen)
    expected = plain.decision_function(take(tickets.texts, test))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
