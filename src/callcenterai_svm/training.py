"""What a training does with tickets: measures, chooses, fits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from .counting import Rows, count
from .dataset import Tickets
from .evaluation import Evaluation, evaluate
from .pipeline import calibrated
from .selection import (
    WORKERS,
    Choice,
    Labelled,
    Progress,
    choose,
    probabilities,
    scores_of,
    split,
)


@dataclass(frozen=True)
class Learned:
    """A fitted classifier, and how its like do on tickets they have not seen.

    Attributes:
        classifier: Fitted on all tickets.
        evaluation: Figures of the cross-validation.
        choice: What all tickets say for the classifier.
        of_folds: What each fold's training tickets say for that fold.
    """

    classifier: CalibratedClassifierCV
    evaluation: Evaluation
    choice: Choice
    of_folds: tuple[Choice, ...]


def learn(tickets: Tickets, seed: int, progress: Progress) -> Learned:
    """Cross-validates, then fits on all tickets; both choose C for themselves.

    Args:
        tickets: What to learn from.
        seed: Seed of the folds and of the SVM.
        progress: Is told what is done.
    """
    topics = list(tickets.per_topic)
    progress("counting words and sequences of characters")
    truth = np.array([topics.index(topic) for topic in tickets.topics])
    labelled = Labelled(count(tickets.texts), truth, seed)
    everything = np.arange(len(truth))
    outer = split(labelled, everything)
    training_sets = [train for train, _ in outer]
    progress("choosing C inside each fold, and for the model")
    *of_folds, choice = choose(labelled, [*training_sets, everything], progress)
    progress("measuring on the tickets that each fold held out")
    evaluation = _cross_validated(labelled, topics, outer, of_folds, progress)
    progress(f"fitting the model with C = {choice.c}")
    classifier = calibrated(choice.c, seed, WORKERS).fit(tickets.texts, tickets.topics)
    return Learned(classifier, evaluation, choice, tuple(of_folds))


def _cross_validated(
    labelled: Labelled,
    topics: Sequence[str],
    outer: Sequence[tuple[Rows, Rows]],
    choices: Sequence[Choice],
    progress: Progress,
) -> Evaluation:
    """Each fold predicts with its own choice, and all of them are judged together."""
    chosen = list(zip(outer, choices, strict=True))
    jobs = [(train, test, (choice.c,)) for (train, test), choice in chosen]
    scores = scores_of(labelled, jobs, progress)
    rows = np.concatenate([test for _, test in outer])
    of_folds = [
        probabilities(only, choice.beta)
        for (only,), choice in zip(scores, choices, strict=True)
    ]
    return evaluate(topics, labelled.truth[rows], np.concatenate(of_folds))
