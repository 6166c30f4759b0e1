"""Models that this project did not write: pickles, loaded only if their digest is allowed.

Unpickling runs whatever the file says. So the bytes are read once, their digest is
compared with the setting MODEL_ALLOWED_PICKLES, and the very same bytes are loaded.
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
"""How the names of pickled models end: MLflow's model.pkl, joblib's and others."""

# Where the package to install has another name than the module that is missing.
PACKAGES: Final = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class ForeignModel:
    """A fitted classifier of whatever kind, seen as the service sees its own models.

    Attributes:
        version: First twelve hex digits of the SHA-256 of the pickle.
        topics: The classifier's classes, in the order of its probabilities.
    """

    version: str
    topics: tuple[Topic, ...]
    _classifier: Any

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""
        labels: list[Topic] = self._classifier.predict(_cleaned(texts)).tolist()
        return labels

    def probabilities(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        """Returns a row for each text and a column for each topic."""
        rows: np.ndarray[Any, Any] = self._classifier.predict_proba(_cleaned(texts))
        return rows


def pickles(folder: Path) -> list[Path]:
    """Returns what lies in a folder, at any depth, and is a pickle by its name."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def load(path: Path, allowed: Collection[str]) -> ForeignModel:
    """Unpickles a model whose digest is allowed.

    Args:
        path: The pickle.
        allowed: SHA-256 digests in lower case.

    Raises:
        ModelError: If the digest is not allowed, the file cannot be read or loaded, or
            it is no classifier of texts by topics that the service knows.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest not in allowed:
        raise ModelError(
            f"{path.name}: a pickle with the sha256 {digest}, which is refused unless "
            "MODEL_ALLOWED_PICKLES names that digest"
        )
    classifier = _unpickled(path, content)
    model = ForeignModel(digest[:12], _topics(path, classifier), classifier)
    _try_out(path, model)
    return model


def _unpickled(path: Path, content: bytes) -> Any:
    try:
        if path.suffix == ".joblib":
            import joblib  # type: ignore[import-untyped]

            return joblib.load(io.BytesIO(content))
        return pickle.loads(content)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        package = PACKAGES.get(module, module)
        raise ModelError(
            f"{path.name}: needs {package}, which is not installed; add {package} in the "
            "version the model was made with: pip install " + package
        ) from error
    except Exception as error:  # a pickle raises whatever it runs into
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path.name}: cannot be unpickled: {reason}") from error


def _topics(path: Path, classifier: Any) -> tuple[Topic, ...]:
    for method in ("predict", "predict_proba"):
        if not callable(getattr(classifier, method, None)):
            raise ModelError(f"{path.name}: the model has no method {method}")
    classes = [str(name) for name in getattr(classifier, "classes_", ())]
    if foreign := sorted(set(classes).difference(TOPICS)):
        raise ModelError(f"{path.name}: predicts unknown topics: {foreign}")
    known = {str(topic): topic for topic in TOPICS}
    return tuple(known[name] for name in classes)


def _try_out(path: Path, model: ForeignModel) -> None:
    """A model that loads may still not predict, for one because it was never fitted."""
    texts = ["does it answer"]
    try:
        (topic,) = model.predict(texts)
        (row,) = model.probabilities(texts)
        fits = topic in model.topics and len(row) == len(model.topics)
    except Exception as error:  # another's code
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path.name}: does not predict: {reason}") from error
    if not fits:
        raise ModelError(
            f"{path.name}: does not predict one of its classes_ for a text"
        )


def _cleaned(texts: Sequence[str]) -> list[str]:
    return [clean(text) for text in texts]
