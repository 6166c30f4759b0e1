"""The unfitted scikit-learn classifier and its folds."""

from typing import Any, Final

from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline

from .dataset import FOLDS
from .svm import TopicSVM
from .topics import clean

# Words and pairs of words carry the subject of a ticket; character n-grams also match
# inflected, compound and misspelt words. Training cleans tickets before it counts them;
# the preprocessor below cleans raw texts and leaves clean ones unchanged.
PARTS: Final[dict[str, dict[str, Any]]] = {
    "words": {"tokenizer": str.split, "token_pattern": None, "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5)},
}

MIN_TICKETS: Final = 2
"""Fewest tickets in which an n-gram must occur. N-grams of a single ticket do not help to
classify others, and would make up most of the model file."""


def pipeline(c: float, seed: int) -> Pipeline:
    """Returns an unfitted TF-IDF and linear SVM pipeline.

    Args:
        c: Penalty of an error relative to the size of the SVM's weights.
        seed: Seed of the order in which the SVM visits the tickets.
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


def calibrated_pipeline(c: float, seed: int, jobs: int) -> CalibratedClassifierCV:
    """Returns an unfitted pipeline with temperature-scaled probabilities.

    One inverse temperature, fitted to the scores of tickets held out by ``folds``, scales
    all scores before the softmax, so the most probable topic has the highest score.
    """
    return CalibratedClassifierCV(
        pipeline(c, seed),
        method="temperature",
        ensemble=False,
        cv=folds(seed),
        n_jobs=jobs,
    )


def folds(seed: int) -> StratifiedKFold:
    """Returns stratified folds: each has its share of every topic."""
    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
