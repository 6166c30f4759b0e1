"""Which arrays are a model."""

import re
from typing import Any

import numpy as np
import pytest
from conftest import small_model

from callcenterai_svm.errors import ModelError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topics": ("Access", "Weather")}, "unknown topics: ['Weather']"),
        ({"topics": ("Access", "Access")}, "two topics or more, all different"),
        ({"topics": ("Access",)}, "two topics or more"),
        ({"words": ("b", "a", "a b")}, "words: not sorted"),
        ({"words": ("a", "a", "b")}, "words: not sorted, or one is there twice"),
        ({"characters": ("", " a ")}, "characters: not sorted"),
        ({"words": ("a",)}, "idf: float64 (3,) expected, float64 (5,) found"),
        ({"idf": np.ones((5, 1))}, "idf: float64 (5,) expected"),
        ({"idf": np.ones(5, np.float32)}, "idf: float64 (5,) expected, float32"),
        ({"idf": np.zeros(5)}, "idf: a number that is not in 0 to 1e+06"),
        ({"weights": np.ones((5, 3))}, "weights: float64 (5, 2) expected"),
        ({"weights": np.full((5, 2), np.nan)}, "weights: a number that is not in"),
        ({"weights": np.full((5, 2), 1e300)}, "weights: a number that is not in"),
        ({"intercept": np.full(2, -np.inf)}, "intercept: a number that is not in"),
        ({"intercept": np.ones(3)}, "intercept: float64 (2,) expected"),
        ({"beta": np.ones(1)}, "beta: float64 () expected, float64 (1,) found"),
        ({"beta": np.asarray(-1.0)}, "beta: a number that is not in 0 to 1e+06"),
    ],
)
def test_arrays_that_are_no_model_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    """By the name of the one that does not fit."""
    with pytest.raises(ModelError, match=re.escape(message)):
        small_model(**changes)
