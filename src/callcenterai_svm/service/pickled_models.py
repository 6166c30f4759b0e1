"""Loads pickled models of other projects, if the digest of the pickle is allowed.

Unpickling runs any code that the file contains. So the file is read once, its digest is
checked against the setting MODEL_ALLOWED_PICKLES, and those same bytes are unpickled.
"""

import hashlib
import io
import pickle
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import ModelError
from ..topics import TOPICS, Topic, clean

if TYPE_CHECKING:
    import numpy as np

SUFFIXES: Final = frozenset({".pkl", ".pickle", ".joblib", ".cloudpickle"})
"""File name suffixes of pickled models, such as MLflow's model.pkl."""

# Distributions whose name differs from that of their module.
PACKAGES: Final = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class PickledModel:
    """A fitted classifier of any kind, with the interface of this project's models.

    Attributes:
        version: First twelve hex digits of the SHA-256 of the pickle.
        topics: The classifier's classes, in the order of its probabilities.
    """

    version: str
    topics: tuple[Topic, ...]
    _classifier: Any

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""
        labels: list[Topic] = self._classifier.predict(_clean_all(texts)).tolist()
        return labels

    def probabilities(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        """Returns the probabilities: one row per text, one column per topic."""
        rows: np.ndarray[Any, Any] = self._classifier.predict_proba(_clean_all(texts))
        return rows


def pickles(folder: Path) -> list[Path]:
    """Returns the files in a folder, at any depth, that have a pickle's suffix."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def load(path: Path, allowed: Collection[str]) -> PickledModel:
    """Unpickles a model whose digest is allowed.

    Args:
        path: The pickle.
        allowed: Allowed SHA-256 digests, in lower case.

    Raises:
        ModelError: If the digest is not allowed, the file cannot be read or unpickled,
            or the object in it does not classify texts by the service's topics.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest not in allowed:
        raise ModelError(
            f"{path.name}: pickle not allowed; if you trust it, "
            f"add its SHA-256 to MODEL_ALLOWED_PICKLES: {digest}"
        )
    classifier = _unpickle(path, content)
    model = PickledModel(digest[:12], _topics(path, classifier), classifier)
    _check_prediction(path, model)
    return model


def _unpickle(path: Path, content: bytes) -> Any:
    try:
        if path.suffix == ".joblib":
            import joblib  # type: ignore[import-untyped]

            return joblib.load(io.BytesIO(content))
        return pickle.loads(content)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        package = PACKAGES.get(module, module)
        raise ModelError(
            f"{path.name}: package {package} is not installed; install the version that "
            f"the model was trained with: pip install {package}"
        ) from error
    except Exception as error:  # unpickling can raise any exception
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path.name}: cannot be unpickled: {reason}") from error


def _topics(path: Path, classifier: Any) -> tuple[Topic, ...]:
    for method in ("predict", "predict_proba"):
        if not callable(getattr(classifier, method, None)):
            raise ModelError(f"{path.name}: the model has no method {method}")
    classes = [str(name) for name in getattr(classifier, "classes_", ())]
    if unknown := sorted(set(classes).difference(TOPICS)):
        raise ModelError(f"{path.name}: unknown topics: {unknown}")
    known = {str(topic): topic for topic in TOPICS}
    return tuple(known[name] for name in classes)


def _check_prediction(path: Path, model: PickledModel) -> None:
    """Raises if the model cannot predict, for example because it was never fitted."""
    texts = ["a sample ticket"]
    try:
        (topic,) = model.predict(texts)
        (row,) = model.probabilities(texts)
        valid = topic in model.topics and len(row) == len(model.topics)
    except Exception as error:  # third-party code can raise any exception
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path.name}: prediction failed: {reason}") from error
    if not valid:
        raise ModelError(f"{path.name}: its predictions do not match its classes_")


def _clean_all(texts: Sequence[str]) -> list[str]:
    return [clean(text) for text in texts]
