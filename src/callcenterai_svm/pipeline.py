"""The classifier as scikit-learn knows it; nothing here has seen a ticket yet."""

from typing import Any, Final

from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline

from .dataset import FOLDS
from .svm import TopicSVM
from .topics import clean

# Words and pairs of words say what a ticket is about; sequences of letters also know the
# word that is bent, joined or misspelt. Tickets are cleaned once before they are counted,
# and again, to no effect, by whoever gives this pipeline raw texts.
PARTS: Final[dict[str, dict[str, Any]]] = {
    "words": {"tokenizer": str.split, "token_pattern": None, "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5)},
}

MIN_TICKETS: Final = 2
"""Tickets in which an n-gram must stand: what stands in one says nothing about others,
and would be most of the file."""


def pipeline(c: float, seed: int) -> Pipeline:
    """Returns an unfitted TF-IDF and linear SVM.

    Args:
        c: How much an error weighs against the size of the SVM's weights.
        seed: Seed of the SVM's order of tickets.
    """
    vectorisers = [
        (
            name,
            TfidfVectorizer(
                preprocessor=clean, sublinear_tf=True, min_df=MIN_TICKETS, **part
            ),
        )
        for name, part in PARTS.items()
    ]
    return Pipeline(
        [("features", FeatureUnion(vectorisers)), ("svm", TopicSVM(c, seed))]
    )


def calibrated(c: float, seed: int, jobs: int) -> CalibratedClassifierCV:
    """Returns an unfitted pipeline whose scores become probabilities.

    One number, fitted to scores of tickets held out by ``folds``, is multiplied to all
    scores before a softmax, so the likeliest topic is the one of the highest score.
    """
    return CalibratedClassifierCV(
        pipeline(c, seed),
        method="temperature",
        ensemble=False,
        cv=folds(seed),
        n_jobs=jobs,
    )


def folds(seed: int) -> StratifiedKFold:
    """Returns folds in which every topic has its share."""
    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
