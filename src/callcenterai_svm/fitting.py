"""Chooses C, cross-validates, and fits the final model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from .counting import Rows, count_ngrams
from .dataset import Tickets
from .evaluation import Evaluation, evaluate
from .pipeline import calibrated_pipeline
from .selection import (
    WORKERS,
    Choice,
    LabelledTickets,
    Progress,
    choose,
    held_out_scores,
    probabilities,
    split,
)


@dataclass(frozen=True)
class TrainingResult:
    """A fitted classifier and its cross-validated quality.

    Attributes:
        classifier: The classifier, fitted on all tickets.
        evaluation: Metrics of the cross-validation.
        choice: Hyperparameters chosen on all tickets, for the classifier.
        fold_choices: Hyperparameters chosen on each fold's training tickets.
    """

    classifier: CalibratedClassifierCV
    evaluation: Evaluation
    choice: Choice
    fold_choices: tuple[Choice, ...]


def fit_and_evaluate(tickets: Tickets, seed: int, progress: Progress) -> TrainingResult:
    """Cross-validates, then fits on all tickets; each fit chooses its own C.

    Args:
        tickets: The tickets to train on.
        seed: Seed of the folds and of the SVM.
        progress: Called with a message at each step.
    """
    topics = list(tickets.per_topic)
    progress("counting words and character n-grams")
    truth = np.array([topics.index(topic) for topic in tickets.topics])
    labelled = LabelledTickets(count_ngrams(tickets.texts), truth, seed)
    everything = np.arange(len(truth))
    outer = split(labelled, everything)
    training_sets = [train for train, _ in outer]
    progress("choosing C for each fold and for the final model")
    *fold_choices, choice = choose(labelled, [*training_sets, everything], progress)
    progress("evaluating each fold on its held-out tickets")
    evaluation = _cross_validate(labelled, topics, outer, fold_choices, progress)
    progress(f"fitting the model with C = {choice.c}")
    classifier = calibrated_pipeline(choice.c, seed, WORKERS)
    classifier.fit(tickets.texts, tickets.topics)
    return TrainingResult(classifier, evaluation, choice, tuple(fold_choices))


def _cross_validate(
    labelled: LabelledTickets,
    topics: Sequence[str],
    outer: Sequence[tuple[Rows, Rows]],
    choices: Sequence[Choice],
    progress: Progress,
) -> Evaluation:
    """Predicts each fold with the fold's own choice and evaluates all folds together."""
    chosen = list(zip(outer, choices, strict=True))
    jobs = [(train, test, (choice.c,)) for (train, test), choice in chosen]
    scores = held_out_scores(labelled, jobs, progress)
    rows = np.concatenate([test for _, test in outer])
    predicted = [
        probabilities(only, choice.inverse_temperature)
        for (only,), choice in zip(scores, choices, strict=True)
    ]
    return evaluate(topics, labelled.truth[rows], np.concatenate(predicted))
