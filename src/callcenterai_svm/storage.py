"""The bytes of a model's file: safetensors, so numbers and text, and nothing to run.

Its tensors are ``NUMBERS`` and ``NGRAMS``, named as in ``ModelArrays``. N-grams are one
UTF-8 text, each with a line break behind it. The metadata is a JSON object with the
``format`` and the ``topics``.
"""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from .arrays import ModelArrays
from .errors import ModelError

METADATA: Final = "callcenterai_svm"
"""One name for all of it: safetensors writes several in an order that changes."""

FORMAT: Final = 1
"""Counts up when an older service could not read a file, or would misunderstand it."""

NGRAMS: Final = ("words", "characters")
NUMBERS: Final = ("idf", "weights", "intercept", "beta")


def packed(arrays: ModelArrays) -> bytes:
    """Returns the bytes of a file; equal arrays give equal bytes."""
    tensors: dict[str, NDArray[Any]] = {
        # Safetensors takes memory as it lies.
        name: np.asarray(getattr(arrays, name), order="C")
        for name in NUMBERS
    }
    for name in NGRAMS:
        text = "".join(f"{ngram}\n" for ngram in getattr(arrays, name))
        tensors[name] = np.frombuffer(text.encode(), np.uint8)
    metadata = json.dumps({"format": FORMAT, "topics": arrays.topics})
    return save(tensors, {METADATA: metadata})


def unpacked(file: bytes) -> ModelArrays:
    """Returns the arrays of a file's bytes.

    Raises:
        ModelError: If they hold no model that ``packed`` could have written.
    """
    try:
        tensors = load(file)
        topics = _topics(file)
        words, characters = (_lines(tensors[name]) for name in NGRAMS)
        numbers = {name: tensors[name] for name in NUMBERS}
    except ModelError:
        raise
    except Exception as error:  # libraries and conversions raise what a bad file hits
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"not a model of this service: {reason}") from error
    return ModelArrays(topics, words, characters, **numbers)


def _lines(tensor: NDArray[Any]) -> tuple[str, ...]:
    return tuple(tensor.tobytes().decode().split("\n")[:-1])


def _topics(file: bytes) -> tuple[Any, ...]:
    """What safetensors does not hand out: its header is JSON, after its own length."""
    length = int.from_bytes(file[:8], "little")
    metadata = json.loads(json.loads(file[8:][:length])["__metadata__"][METADATA])
    if metadata["format"] != FORMAT:
        raise ModelError(f"format {metadata['format']!r}; this service reads {FORMAT}")
    return tuple(map(str, metadata["topics"]))
