"""Chooses C and the inverse temperature by nested cross-validation.

This happens once for the training tickets of each outer fold, to measure, and once for
all tickets, for the final model. Each time, inner folds split the tickets again; the C
with the best predictions on the inner held-out tickets wins, and its scores there
calibrate the probabilities. The tickets that judge a choice take no part in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import joblib
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from .counting import Counts, Rows
from .dataset import FOLDS
from .evaluation import Floats, Indices, confusion_matrix, f1_scores
from .pipeline import folds
from .svm import TopicSVM

GRID: Final = (0.05, 0.1, 0.2)
"""Candidate values of C. Smaller ones ignore rare words, larger ones overfit."""

WORKERS: Final = min(4, joblib.cpu_count())
"""Parallel processes. Each needs about 30 kB per ticket: 1.4 GB for 47,837 tickets."""


@dataclass(frozen=True)
class LabelledTickets:
    """N-gram counts of the tickets, and the index of each ticket's topic."""

    counts: Counts
    truth: Indices
    seed: int


@dataclass(frozen=True)
class Choice:
    """The hyperparameters chosen on one training set.

    Attributes:
        c: The C whose held-out predictions have the highest macro-F1.
        inverse_temperature: Factor on the scores before the softmax.
    """

    c: float
    inverse_temperature: float


Progress = Callable[[str], None]


def split(labelled: LabelledTickets, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Returns the folds of some tickets, as training rows and held-out rows."""
    parts = folds(labelled.seed).split(rows, labelled.truth[rows])
    return [(rows[train], rows[held_out]) for train, held_out in parts]


def choose(
    labelled: LabelledTickets, training_sets: Sequence[Rows], progress: Progress
) -> list[Choice]:
    """Returns the hyperparameters for each training set.

    Args:
        labelled: All tickets.
        training_sets: Rows of each training set; a choice sees no other rows.
        progress: Called with a message after each group of folds.
    """
    splits = [split(labelled, rows) for rows in training_sets]
    jobs = [(train, held_out, GRID) for parts in splits for train, held_out in parts]
    scores = iter(held_out_scores(labelled, jobs, progress))
    return [_choose(labelled, parts, [next(scores) for _ in parts]) for parts in splits]


def held_out_scores(
    labelled: LabelledTickets,
    jobs: Sequence[tuple[Rows, Rows, Sequence[float]]],
    progress: Progress,
) -> list[Floats]:
    """Returns, for each job, the held-out scores by C, ticket and topic.

    Jobs run in processes, not threads: liblinear draws its random numbers from one
    generator per process, so threads would disturb one another's results.
    """
    tasks = (joblib.delayed(_scores)(labelled, *job) for job in jobs)
    results = joblib.Parallel(WORKERS, return_as="generator")(tasks)
    done = []
    for scores in results:
        done.append(scores)
        if len(done) % FOLDS == 0:
            progress(f"{len(done)} of {len(jobs)} folds done")
    return done


def fit_inverse_temperature(scores: Floats, truth: Indices) -> float:
    """Returns the factor on the scores whose softmax makes the truth most likely."""

    def loss(logarithm: float) -> float:
        scaled = np.exp(logarithm) * scores
        correct = scaled[np.arange(len(truth)), truth]
        return float(np.mean(logsumexp(scaled, axis=1) - correct))

    # The bounds that scikit-learn's temperature scaling uses.
    found = minimize_scalar(loss, bounds=(-10, 10), options={"xatol": 1e-12})
    return float(np.exp(found.x))


def probabilities(scores: Floats, inverse_temperature: float) -> Floats:
    """Returns the probability of each topic: the softmax of the scaled scores."""
    rows: Floats = softmax(inverse_temperature * scores, axis=1)
    return rows


def _choose(
    labelled: LabelledTickets, parts: list[tuple[Rows, Rows]], scores: list[Floats]
) -> Choice:
    truth = labelled.truth[np.concatenate([held_out for _, held_out in parts])]
    of_each_c = np.concatenate(scores, axis=1)
    quality = [_macro_f1(truth, each) for each in of_each_c]
    # argmax returns the first of equal values, so the smallest C wins a tie.
    best = int(np.argmax(quality))
    return Choice(GRID[best], fit_inverse_temperature(of_each_c[best], truth))


def _macro_f1(truth: Indices, scores: Floats) -> float:
    predicted = scores.argmax(axis=1)
    return float(f1_scores(confusion_matrix(truth, predicted, scores.shape[1])).mean())


def _scores(
    labelled: LabelledTickets, train: Rows, held_out: Rows, grid: Sequence[float]
) -> Floats:
    features, unseen = labelled.counts.features(train, held_out)
    fits = [
        TopicSVM(c, labelled.seed).fit(features, labelled.truth[train]) for c in grid
    ]
    return np.stack([_column_per_topic(fit.decision_function(unseen)) for fit in fits])


def _column_per_topic(scores: Floats) -> Floats:
    """Adds the column of the first of two topics, for which an SVM gives one score."""
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
