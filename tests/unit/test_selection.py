"""The choice of C and of the inverse temperature."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import ignore_progress

from callcenterai_svm import selection
from callcenterai_svm.counting import count_ngrams
from callcenterai_svm.dataset import Tickets
from callcenterai_svm.pipeline import calibrated_pipeline
from callcenterai_svm.selection import (
    GRID,
    Choice,
    LabelledTickets,
    choose,
    fit_inverse_temperature,
    held_out_scores,
    probabilities,
    split,
)


@pytest.fixture(scope="module")
def labelled(minimal_tickets: Tickets) -> LabelledTickets:
    """The smallest file of tickets, counted."""
    topics = list(minimal_tickets.per_topic)
    truth = np.array([topics.index(topic) for topic in minimal_tickets.topics])
    return LabelledTickets(count_ngrams(minimal_tickets.texts), truth, seed=0)


@pytest.fixture(scope="module")
def choice(labelled: LabelledTickets) -> Choice:
    """The hyperparameters chosen on all of these tickets."""
    (choice,) = choose(labelled, [np.arange(len(labelled.truth))], ignore_progress)
    return choice


def test_inverse_temperature_equals_that_of_scikit_learn(
    minimal_tickets: Tickets, choice: Choice
) -> None:
    """The chosen inverse temperature equals that of ``CalibratedClassifierCV``."""
    classifier = calibrated_pipeline(choice.c, seed=0, jobs=1)
    (fitted,) = classifier.fit(
        minimal_tickets.texts, minimal_tickets.topics
    ).calibrated_classifiers_
    assert choice.inverse_temperature == pytest.approx(
        fitted.calibrators[0].beta_, rel=1e-6
    )


def test_choice_is_in_the_grid(choice: Choice) -> None:
    """C is one of the grid, and the inverse temperature is positive."""
    assert choice.c in GRID
    assert choice.inverse_temperature > 0


def test_held_out_tickets_do_not_affect_the_choice(labelled: LabelledTickets) -> None:
    """Other topics on the held-out tickets do not change the choice."""
    train, held_out = split(labelled, np.arange(len(labelled.truth)))[0]
    truth = labelled.truth.copy()
    truth[held_out] = (truth[held_out] + 1) % 8
    changed = replace(labelled, truth=truth)
    expected = choose(labelled, [train], ignore_progress)
    assert choose(changed, [train], ignore_progress) == expected


def test_number_of_processes_does_not_matter(
    labelled: LabelledTickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process and two give the same bits in every score."""
    jobs = [(*part, GRID) for part in split(labelled, np.arange(len(labelled.truth)))]
    results = []
    for workers in (1, 2):
        monkeypatch.setattr(selection, "WORKERS", workers)
        scores = held_out_scores(labelled, jobs, ignore_progress)
        results.append(np.concatenate(scores, axis=1))
    assert np.array_equal(*results)


def test_inner_folds_split_the_training_tickets(labelled: LabelledTickets) -> None:
    """Each training ticket is held out once, and no ticket of the outer fold appears."""
    train, held_out = split(labelled, np.arange(len(labelled.truth)))[0]
    inner = split(labelled, train)
    assert sorted(np.concatenate([part for _, part in inner])) == sorted(train)
    assert not any(np.isin(held_out, rows).any() for part in inner for rows in part)


def test_known_inverse_temperature_is_recovered() -> None:
    """Topics drawn from the softmax of three times the scores give the factor 3."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 4))
    drawn = [generator.choice(4, p=row) for row in probabilities(scores, 3.0)]
    assert fit_inverse_temperature(scores, np.array(drawn)) == pytest.approx(
        3, rel=0.05
    )


def test_most_probable_topic_has_the_highest_score() -> None:
    """No inverse temperature changes which topic is the most probable."""
    scores = np.random.default_rng(0).normal(size=(100, 8))
    for inverse_temperature in (0.01, 1.0, 100.0):
        predicted = probabilities(scores, inverse_temperature).argmax(axis=1)
        assert np.array_equal(predicted, scores.argmax(axis=1))
