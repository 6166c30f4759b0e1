"""Chooses C without a look at the tickets that will judge the choice.

Six times: on the training tickets of each outer fold, to measure, and on all tickets,
for the model. Each time the tickets are split once more; the C whose predictions on the
held-out parts are best is taken, and its held-out scores say how sure to be.
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
"""Values of C; smaller ones ignore the rare words, larger ones learn tickets by heart."""

WORKERS: Final = min(4, joblib.cpu_count())
"""Processes side by side; each needs about 30 kB for a ticket, so 1.4 GB for 47,837."""


@dataclass(frozen=True)
class Labelled:
    """Counted tickets and the topic of each, as a position among the topics."""

    counts: Counts
    truth: Indices
    seed: int


@dataclass(frozen=True)
class Choice:
    """What one training set's own folds say.

    Attributes:
        c: The C whose held-out predictions have the highest macro-F1.
        beta: What its held-out scores are multiplied with before the softmax.
    """

    c: float
    beta: float


Progress = Callable[[str], None]


def split(labelled: Labelled, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Returns the folds of some tickets, as rows to train on and rows held out."""
    parts = folds(labelled.seed).split(rows, labelled.truth[rows])
    return [(rows[train], rows[held_out]) for train, held_out in parts]


def choose(
    labelled: Labelled, training_sets: Sequence[Rows], progress: Progress
) -> list[Choice]:
    """Returns what each training set says for itself.

    Args:
        labelled: All tickets.
        training_sets: Rows of those that one choice may see.
        progress: Is told what is done.
    """
    splits = [split(labelled, rows) for rows in training_sets]
    jobs = [(train, held_out, GRID) for parts in splits for train, held_out in parts]
    scores = iter(scores_of(labelled, jobs, progress))
    return [_choice(labelled, parts, [next(scores) for _ in parts]) for parts in splits]


def scores_of(
    labelled: Labelled,
    jobs: Sequence[tuple[Rows, Rows, Sequence[float]]],
    progress: Progress,
) -> list[Floats]:
    """Returns the scores of held-out tickets for each C: C, ticket, topic.

    Each job has a process of its own: the SVM's random numbers are the process's, so
    threads would take them from one another.
    """
    work = (joblib.delayed(_scores)(labelled, *job) for job in jobs)
    results = joblib.Parallel(WORKERS, return_as="generator")(work)
    done = []
    for scores in results:
        done.append(scores)
        if len(done) % FOLDS == 0:
            progress(f"{len(done)} of {len(jobs)} parts done")
    return done


def temperature(scores: Floats, truth: Indices) -> float:
    """Returns what to multiply scores with so that their softmax is most likely true."""

    def loss(logarithm: float) -> float:
        scaled = np.exp(logarithm) * scores
        right = scaled[np.arange(len(truth)), truth]
        return float(np.mean(logsumexp(scaled, axis=1) - right))

    # Bounds of scikit-learn's own temperature scaling.
    found = minimize_scalar(loss, bounds=(-10, 10), options={"xatol": 1e-12})
    return float(np.exp(found.x))


def probabilities(scores: Floats, beta: float) -> Floats:
    """Returns each topic's probability; the highest score keeps the highest."""
    rows: Floats = softmax(beta * scores, axis=1)
    return rows


def _choice(
    labelled: Labelled, parts: list[tuple[Rows, Rows]], scores: list[Floats]
) -> Choice:
    truth = labelled.truth[np.concatenate([held_out for _, held_out in parts])]
    of_each_c = np.concatenate(scores, axis=1)
    quality = [_macro_f1(truth, each) for each in of_each_c]
    # The first of equals: the smaller C.
    best = int(np.argmax(quality))
    return Choice(GRID[best], temperature(of_each_c[best], truth))


def _macro_f1(truth: Indices, scores: Floats) -> float:
    predicted = scores.argmax(axis=1)
    return float(f1_scores(confusion_matrix(truth, predicted, scores.shape[1])).mean())


def _scores(
    labelled: Labelled, train: Rows, held_out: Rows, grid: Sequence[float]
) -> Floats:
    features, unseen = labelled.counts.features(train, held_out)
    fits = [
        TopicSVM(c, labelled.seed).fit(features, labelled.truth[train]) for c in grid
    ]
    return np.stack(
        [_one_column_a_topic(fit.decision_function(unseen)) for fit in fits]
    )


def _one_column_a_topic(scores: Floats) -> Floats:
    """Between two topics an SVM has one score, as high as the second is likely."""
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
