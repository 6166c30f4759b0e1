"""The bytes of a model's file: what is in them, and which are no such file."""

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
from callcenterai_svm.storage import METADATA, NGRAMS, NUMBERS, packed, unpacked

FILE = packed(small_model())

REPACK = """
import sys
from callcenterai_svm.storage import packed, unpacked
sys.stdout.buffer.write(packed(unpacked(sys.stdin.buffer.read())))
"""


def test_what_is_packed_is_unpacked() -> None:
    """To the last bit, whatever the letters."""
    arrays = small_model(words=("a", "a b", "ß語\U0001d400"))
    again = unpacked(packed(arrays))
    assert again.topics == arrays.topics
    for name in NGRAMS:
        assert getattr(again, name) == getattr(arrays, name)
    for name in NUMBERS:
        np.testing.assert_array_equal(getattr(again, name), getattr(arrays, name))


def test_memory_order_is_no_part_of_a_model() -> None:
    """Scikit-learn's weights lie column by column."""
    weights = small_model().weights
    assert packed(small_model(weights=np.asfortranarray(weights))) == FILE


def test_equal_models_are_equal_bytes_in_any_process() -> None:
    """Whatever order its hashes have."""
    for seed in ("1", "2", "3"):
        environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", REPACK]
        again = subprocess.check_output(command, env=environment, input=FILE)
        assert again == FILE


def changed(**tensors: Any) -> bytes:
    """The file with other tensors; None leaves one out."""
    kept = {**load(FILE), **tensors}
    metadata = {METADATA: json.dumps({"format": 1, "topics": ["Access", "Storage"]})}
    return save({k: v for k, v in kept.items() if v is not None}, metadata)


def described(metadata: Any) -> bytes:
    """The file with other metadata."""
    return save(load(FILE), {METADATA: json.dumps(metadata)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a model of this service: SafetensorError"),
        (b"no safetensors", "not a model of this service: SafetensorError"),
        (pickle.dumps(print), "not a model of this service: SafetensorError"),
        (FILE[:-1], "not a model of this service: SafetensorError"),
        (save(load(FILE)), "not a model of this service: KeyError: '__metadata__'"),
        (changed(idf=None), "not a model of this service: KeyError: 'idf'"),
        (
            changed(words=np.array([0xFF, 10], np.uint8)),
            "not a model of this service: UnicodeDecodeError",
        ),
        (changed(words=np.frombuffer(b"b\na\n", np.uint8)), "words: not sorted"),
        (changed(weights=np.ones((5, 2), np.float32)), "weights: float64 (5, 2)"),
        (described([]), "not a model of this service: TypeError"),
        (described({"topics": ["Access"]}), "not a model of this service: KeyError"),
        (described({"format": 2}), "format 2; this service reads 1"),
        (described({"format": 1, "topics": 7}), "TypeError"),
        (described({"format": 1, "topics": [["Access"], "HR Support"]}), "unknown"),
        (described({"format": 1, "topics": ["Access", "Weather"]}), "['Weather']"),
    ],
)
def test_other_file_is_refused_in_one_line(content: bytes, message: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        unpacked(content)
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(FILE) - 1), st.integers(0, 9), st.binary(max_size=9))
def test_damaged_file_is_a_model_or_refused(at: int, cut: int, put: bytes) -> None:
    """There is no third way out of it."""
    try:
        unpacked(FILE[:at] + put + FILE[at + cut :])
    except ModelError as error:
        assert "\n" not in str(error)
