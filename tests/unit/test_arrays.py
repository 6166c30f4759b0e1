"""Validation of a model's arrays."""

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
        ({"topics": ("Access", "Access")}, "two or more different topics"),
        ({"topics": ("Access",)}, "two or more different topics"),
        ({"words": ("b", "a", "a b")}, "words: n-grams must be sorted"),
        ({"words": ("a", "a", "b")}, "words: n-grams must be sorted, unique"),
        ({"characters": ("", " a ")}, "characters: n-grams must be sorted"),
        ({"words": ("a",)}, "idf: expected float64 (3,), found float64 (5,)"),
        ({"idf": np.ones((5, 1))}, "idf: expected float64 (5,)"),
        ({"idf": np.ones(5, np.float32)}, "idf: expected float64 (5,), found float32"),
        ({"idf": np.zeros(5)}, "idf: values must lie between 0 and 1e+06"),
        ({"weights": np.ones((5, 3))}, "weights: expected float64 (5, 2)"),
        ({"weights": np.full((5, 2), np.nan)}, "weights: values must lie between"),
        ({"weights": np.full((5, 2), 1e300)}, "weights: values must lie between"),
        ({"intercept": np.full(2, -np.inf)}, "intercept: values must lie between"),
        ({"intercept": np.ones(3)}, "intercept: expected float64 (2,)"),
        (
            {"inverse_temperature": np.ones(1)},
            "inverse_temperature: expected float64 (), found float64 (1,)",
        ),
        (
            {"inverse_temperature": np.asarray(-1.0)},
            "inverse_temperature: values must lie between 0 and 1e+06",
        ),
    ],
)
def test_invalid_arrays_are_rejected(changes: dict[str, Any], message: str) -> None:
    """Invalid arrays raise an error that names the array."""
    with pytest.raises(ModelError, match=re.escape(message)):
        small_model(**changes)
