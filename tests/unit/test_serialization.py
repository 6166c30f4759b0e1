"""The content of model files, and the errors for invalid content."""

import json
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from conftest import small_model
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from callcenterai_svm.errors import ModelError
from callcenterai_svm.serialization import (
    METADATA,
    NGRAMS,
    NUMBERS,
    deserialize,
    serialize,
)

FILE = serialize(small_model())

ROUND_TRIP = """
import sys
from callcenterai_svm.serialization import serialize, deserialize
sys.stdout.buffer.write(serialize(deserialize(sys.stdin.buffer.read())))
"""


def test_round_trip_keeps_every_array() -> None:
    """Topics, n-grams of any script and numbers survive a round trip unchanged."""
    arrays = small_model(words=("a", "a b", "ß語\U0001d400"))
    again = deserialize(serialize(arrays))
    assert again.topics == arrays.topics
    for name in NGRAMS:
        assert getattr(again, name) == getattr(arrays, name)
    for field in NUMBERS:
        np.testing.assert_array_equal(getattr(again, field), getattr(arrays, field))


def test_memory_layout_does_not_matter() -> None:
    """Column-major weights, as from scikit-learn, give the same bytes as row-major ones."""
    weights = small_model().weights
    assert serialize(small_model(weights=np.asfortranarray(weights))) == FILE


def test_equal_models_give_equal_bytes_in_any_process() -> None:
    """The bytes do not depend on the hash seed of the process."""
    for seed in ("1", "2", "3"):
        environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", ROUND_TRIP]
        again = subprocess.check_output(command, env=environment, input=FILE)
        assert again == FILE


def changed(**tensors: Any) -> bytes:
    """The file with some tensors replaced, or left out if None."""
    kept = {**load(FILE), **tensors}
    metadata = {METADATA: json.dumps({"format": 1, "topics": ["Access", "Storage"]})}
    return save({k: v for k, v in kept.items() if v is not None}, metadata)


def described(metadata: Any) -> bytes:
    """The file with its metadata replaced."""
    return save(load(FILE), {METADATA: json.dumps(metadata)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "invalid model file: SafetensorError"),
        (b"not safetensors", "invalid model file: SafetensorError"),
        (pickle.dumps(print), "invalid model file: SafetensorError"),
        (FILE[:-1], "invalid model file: SafetensorError"),
        (save(load(FILE)), "invalid model file: KeyError: '__metadata__'"),
        (changed(idf=None), "invalid model file: KeyError: 'idf'"),
        (
            changed(words=np.array([0xFF, 10], np.uint8)),
            "invalid model file: UnicodeDecodeError",
        ),
        (
            changed(words=np.frombuffer(b"b\na\n", np.uint8)),
            "words: n-grams must be sorted",
        ),
        (
            changed(weights=np.ones((5, 2), np.float32)),
            "weights: expected float64 (5, 2)",
        ),
        (described([]), "invalid model file: TypeError"),
        (described({"topics": ["Access"]}), "invalid model file: KeyError"),
        (described({"format": 2}), "unsupported model format 2: expected 1"),
        (described({"format": 1, "topics": 7}), "TypeError"),
        (described({"format": 1, "topics": [["Access"], "HR Support"]}), "unknown"),
        (described({"format": 1, "topics": ["Access", "Weather"]}), "['Weather']"),
    ],
)
def test_invalid_file_is_rejected_in_one_line(content: bytes, message: str) -> None:
    """Invalid content raises a one-line error that names the problem."""
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        deserialize(content)
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(FILE) - 1), st.integers(0, 9), st.binary(max_size=9))
def test_damaged_file_is_read_or_rejected(at: int, cut: int, put: bytes) -> None:
    """A damaged file is either read or rejected with a one-line ModelError."""
    try:
        deserialize(FILE[:at] + put + FILE[at + cut :])
    except ModelError as error:
        assert "\n" not in str(error)
