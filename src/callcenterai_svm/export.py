"""From the fitted scikit-learn classifier to the arrays that are served."""

from typing import Any, Final

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from .arrays import Floats, ModelArrays
from .errors import ModelError
from .model import TopicModel

TOLERANCE: Final = 1e-9
"""Difference of two scores that only their order of summation makes."""


def exported(fitted: CalibratedClassifierCV) -> ModelArrays:
    """Returns the arrays of a fitted ``pipeline.calibrated``.

    Raises:
        ModelError: If they do not give its scores, because the pipeline and the served
            model no longer cut texts into the same n-grams, or weigh them differently.
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
        weights=_of_each_topic(svm.coef_.T),
        intercept=_of_each_topic(svm.intercept_),
        beta=np.asarray(calibrator.beta_),
    )
    _compare(calibrated.estimator, arrays)
    return arrays


def _of_each_topic(columns: Floats) -> Floats:
    """Of two topics scikit-learn keeps the second; the first is its opposite."""
    if columns.shape[-1] > 1:
        return columns
    return np.concatenate([-columns, columns], axis=-1)


def _compare(pipeline: Any, arrays: ModelArrays) -> None:
    """With a text of all known words and pairs, most of them several times, uncleaned."""
    text = ", ".join(arrays.words).upper()
    expected = _of_each_topic(pipeline.decision_function([text]).reshape(1, -1))
    found = TopicModel("", arrays).scores([text])
    if (difference := np.abs(found - expected).max()) > TOLERANCE:
        raise ModelError(f"exported scores differ by {difference:g}")
