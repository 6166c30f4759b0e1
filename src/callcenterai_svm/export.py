"""Converts the fitted scikit-learn classifier into the arrays that the service loads."""

from typing import Any, Final

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from .arrays import Floats, ModelArrays
from .errors import ModelError
from .model import TopicModel

TOLERANCE: Final = 1e-9
"""Largest difference between two scores that the order of summation can explain."""


def export_arrays(fitted: CalibratedClassifierCV) -> ModelArrays:
    """Returns the arrays of a fitted ``pipeline.calibrated_pipeline``.

    Raises:
        ModelError: If the arrays do not reproduce its scores, because the pipeline and
            the served model no longer split texts into the same n-grams or no longer
            weight them alike.
    """
    (calibrated,) = fitted.calibrated_classifiers_
    (calibrator,) = calibrated.calibrators
    features, svm = (step for _, step in calibrated.estimator.steps)
    words, characters = (part for _, part in features.transformer_list)
    arrays = ModelArrays(
        topics=tuple(calibrated.classes.tolist()),
        words=tuple(words.get_feature_names_out().tolist()),
        characters=tuple(characters.get_feature_names_out().tolist()),
        idf=np.concatenate([words.idf_, characters.idf_]),
        weights=_column_per_topic(svm.coef_.T),
        intercept=_column_per_topic(svm.intercept_),
        inverse_temperature=np.asarray(calibrator.beta_),
    )
    _check_scores(calibrated.estimator, arrays)
    return arrays


def _column_per_topic(columns: Floats) -> Floats:
    """Adds the first of two topics, which scikit-learn omits: the second negated."""
    if columns.shape[-1] > 1:
        return columns
    return np.concatenate([-columns, columns], axis=-1)


def _check_scores(pipeline: Any, arrays: ModelArrays) -> None:
    """Compares the scores of a text that holds every known word, most more than once."""
    # Upper case and commas check that both sides clean the text.
    text = ", ".join(arrays.words).upper()
    expected = _column_per_topic(pipeline.decision_function([text]).reshape(1, -1))
    found = TopicModel("", arrays).scores([text])
    if (difference := np.abs(found - expected).max()) > TOLERANCE:
        raise ModelError(f"exported scores differ by {difference:g}")
