"""Reads and writes the model file: safetensors, which holds data and no code.

The tensors are those in ``NUMBERS`` and ``NGRAMS``. The n-grams are one UTF-8 text with a
line break after each. The metadata is a JSON object with the ``format`` and the
``topics``. See https://huggingface.co/docs/safetensors/index#format.
"""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from .arrays import ModelArrays
from .errors import ModelError

METADATA: Final = "callcenterai_svm"
"""The only metadata key: safetensors writes several keys in an order that varies."""

FORMAT: Final = 1
"""Version of the file format. Raise it when older services cannot read new files."""

NGRAMS: Final = ("words", "characters")
"""Fields of ``ModelArrays`` whose tensors hold text."""

NUMBERS: Final = {
    "idf": "idf",
    "weights": "weights",
    "intercept": "intercept",
    # Format 1 has scikit-learn's name for the inverse temperature.
    "inverse_temperature": "beta",
}
"""Tensor of each numeric field of ``ModelArrays``."""


def serialize(arrays: ModelArrays) -> bytes:
    """Returns the content of a model file; equal arrays give equal bytes."""
    tensors: dict[str, NDArray[Any]] = {
        # safetensors copies memory as it is, so columns must not come first.
        tensor: np.asarray(getattr(arrays, field), order="C")
        for field, tensor in NUMBERS.items()
    }
    for field in NGRAMS:
        text = "".join(f"{ngram}\n" for ngram in getattr(arrays, field))
        tensors[field] = np.frombuffer(text.encode(), np.uint8)
    metadata = json.dumps({"format": FORMAT, "topics": arrays.topics})
    return save(tensors, {METADATA: metadata})


def deserialize(content: bytes) -> ModelArrays:
    """Returns the arrays in the content of a model file.

    Raises:
        ModelError: If ``serialize`` cannot have written the content.
    """
    try:
        tensors = load(content)
        topics = _topics(content)
        words, characters = (_lines(tensors[field]) for field in NGRAMS)
        numbers = {field: tensors[tensor] for field, tensor in NUMBERS.items()}
    except ModelError:
        raise
    except Exception as error:  # a damaged file can raise any exception
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"invalid model file: {reason}") from error
    return ModelArrays(topics, words, characters, **numbers)


def _lines(tensor: NDArray[Any]) -> tuple[str, ...]:
    return tuple(tensor.tobytes().decode().split("\n")[:-1])


def _topics(content: bytes) -> tuple[Any, ...]:
    """Reads the topics from the header, which ``safetensors.numpy.load`` drops."""
    # The file begins with the length of the header, which is JSON.
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(json.loads(content[8:][:length])["__metadata__"][METADATA])
    if metadata["format"] != FORMAT:
        found = metadata["format"]
        raise ModelError(f"unsupported model format {found!r}: expected {FORMAT}")
    return tuple(map(str, metadata["topics"]))
