"""How C is chosen and scores become probabilities."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import silent

from callcenterai_svm import selection
from callcenterai_svm.counting import count
from callcenterai_svm.dataset import Tickets
from callcenterai_svm.pipeline import calibrated
from callcenterai_svm.selection import (
    GRID,
    Choice,
    Labelled,
    choose,
    probabilities,
    scores_of,
    split,
    temperature,
)


@pytest.fixture(scope="module")
def labelled(few_tickets: Tickets) -> Labelled:
    """A few tickets, counted."""
    topics = list(few_tickets.per_topic)
    truth = np.array([topics.index(topic) for topic in few_tickets.topics])
    return Labelled(count(few_tickets.texts), truth, seed=0)


@pytest.fixture(scope="module")
def choice(labelled: Labelled) -> Choice:
    """What all of them say."""
    (choice,) = choose(labelled, [np.arange(len(labelled.truth))], silent)
    return choice


def test_choice_is_calibrated_as_scikit_learn_would(
    few_tickets: Tickets, choice: Choice
) -> None:
    """The same folds, the same scores, the same number."""
    classifier = calibrated(choice.c, seed=0, jobs=1)
    (fitted,) = classifier.fit(
        few_tickets.texts, few_tickets.topics
    ).calibrated_classifiers_
    assert choice.beta == pytest.approx(fitted.calibrators[0].beta_, rel=1e-6)


def test_choice_is_one_of_the_grid(choice: Choice) -> None:
    """And its scores are made larger or smaller, never turned round."""
    assert choice.c in GRID
    assert choice.beta > 0


def test_held_out_tickets_have_no_say(labelled: Labelled) -> None:
    """Were they all of another topic, the choice would be the same."""
    train, held_out = split(labelled, np.arange(len(labelled.truth)))[0]
    truth = labelled.truth.copy()
    truth[held_out] = (truth[held_out] + 1) % 8
    lying = replace(labelled, truth=truth)
    assert choose(lying, [train], silent) == choose(labelled, [train], silent)


def test_number_of_processes_does_not_matter(
    labelled: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit of every score."""
    jobs = [(*part, GRID) for part in split(labelled, np.arange(len(labelled.truth)))]
    results = []
    for workers in (1, 2):
        monkeypatch.setattr(selection, "WORKERS", workers)
        results.append(np.concatenate(scores_of(labelled, jobs, silent), axis=1))
    assert np.array_equal(*results)


def test_inner_folds_are_parts_of_the_training_tickets(labelled: Labelled) -> None:
    """Each of them is held out once."""
    train, held_out = split(labelled, np.arange(len(labelled.truth)))[0]
    inner = split(labelled, train)
    assert sorted(np.concatenate([part for _, part in inner])) == sorted(train)
    assert not any(np.isin(held_out, rows).any() for part in inner for rows in part)


def test_temperature_is_found_again() -> None:
    """Topics drawn with the probabilities of three times the scores."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 4))
    drawn = [generator.choice(4, p=row) for row in probabilities(scores, 3.0)]
    assert temperature(scores, np.array(drawn)) == pytest.approx(3, rel=0.05)


def test_likeliest_topic_has_the_highest_score() -> None:
    """Whatever the scores are multiplied with."""
    scores = np.random.default_rng(0).normal(size=(100, 8))
    for beta in (0.01, 1.0, 100.0):
        likeliest = probabilities(scores, beta).argmax(axis=1)
        assert np.array_equal(likeliest, scores.argmax(axis=1))
