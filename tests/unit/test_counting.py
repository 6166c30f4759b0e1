"""Counting once for all folds gives what fitting inside each fold gives."""

from typing import Any

import numpy as np
import pytest

from callcenterai_svm.counting import Counts, Rows, count
from callcenterai_svm.dataset import Tickets
from callcenterai_svm.pipeline import folds, pipeline
from callcenterai_svm.svm import TopicSVM

Fold = tuple[Rows, Rows]


@pytest.fixture(scope="module")
def counts(tickets: Tickets) -> Counts:
    """Counts of all tickets, those of both sides of a fold."""
    return count(tickets.texts)


@pytest.fixture(scope="module", params=range(2))
def fold(tickets: Tickets, request: pytest.FixtureRequest) -> Fold:
    """Rows to train on and rows held out."""
    parts = list(folds(0).split(tickets.texts, tickets.topics))
    train, test = parts[request.param]
    return train, test


def of(values: tuple[str, ...], rows: Rows) -> list[str]:
    """The values at some positions."""
    return [values[row] for row in rows]


def same(found: Any, expected: Any) -> bool:
    """Whether two sparse matrices are equal to the last bit, in order as well."""
    return found.shape == expected.shape and all(
        np.array_equal(getattr(found, name), getattr(expected, name))
        for name in ("indptr", "indices", "data")
    )


def test_features_are_those_of_the_pipeline_fitted_inside_the_fold(
    tickets: Tickets, counts: Counts, fold: Fold
) -> None:
    """Vocabulary, weights and norms know the training tickets alone."""
    train, test = fold
    vectoriser = pipeline(1.0, seed=0)[:-1].fit(of(tickets.texts, train))
    found_train, found_test = counts.features(train, test)
    assert same(found_train, vectoriser.transform(of(tickets.texts, train)))
    assert same(found_test, vectoriser.transform(of(tickets.texts, test)))


def test_scores_are_those_of_the_pipeline_fitted_inside_the_fold(
    tickets: Tickets, counts: Counts, fold: Fold
) -> None:
    """But for the order in which they are summed up."""
    train, test = fold
    topics = np.array(of(tickets.topics, train))
    plain = pipeline(0.1, seed=0).fit(of(tickets.texts, train), topics)
    features, unseen = counts.features(train, test)
    found = TopicSVM(0.1, seed=0).fit(features, topics).decision_function(unseen)
    expected = plain.decision_function(of(tickets.texts, test))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
