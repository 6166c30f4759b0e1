"""A trained model over plain strings: load, save, predict.

The file is a skops archive. Nothing in it is unpickled: it is data, and may name only
the types of ``TRUSTED`` and those that skops itself knows to be harmless.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import skops.io

from .canonical import canonical
from .errors import ModelError
from .topics import TOPICS, Topic, clean

# What a calibrated classifier is made of beyond skops' own list of harmless types.
TRUSTED: Final = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.model_selection._split.StratifiedKFold",
)


@dataclass(frozen=True)
class TopicModel:
    """A fitted classifier that knows no topic beyond the eight.

    Attributes:
        version: First twelve hex digits of the SHA-256 of the model's file.
    """

    version: str
    _classifier: Any

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order; all texts are vectorised at once."""
        labels: list[Topic] = self._classifier.predict(
            [clean(t) for t in texts]
        ).tolist()
        return labels


def save(classifier: Any, path: Path) -> str:
    """Writes a fitted scikit-learn classifier and returns its version.

    The same classifier gives the same bytes, and so the same version.
    """
    archive = canonical(skops.io.dumps(classifier))
    path.write_bytes(archive)
    return _version(archive)


def load(path: Path) -> TopicModel:
    """Reads a model that ``save`` or MLflow (as skops) has written.

    Raises:
        ModelError: If there is no such file, it is no skops archive, names a type that
            is not trusted, or predicts anything but the eight topics.
    """
    try:
        archive = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    try:
        classifier = skops.io.loads(archive, trusted=TRUSTED)
        known = set(classifier.classes_.tolist())
    except Exception as error:  # skops and what it calls raise whatever a bad file hits
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path}: not a model this service loads: {reason}") from error
    if foreign := known.difference(TOPICS):
        raise ModelError(f"{path}: predicts unknown topics: {sorted(foreign)}")
    model = TopicModel(_version(archive), classifier)
    _try_out(path, model)
    return model


def _try_out(path: Path, model: TopicModel) -> None:
    """A model that loads may still not predict, for one because it was never fitted."""
    try:
        model.predict(["does it answer"])
    except Exception as error:
        raise ModelError(f"{path}: the model does not predict: {error}") from error


def _version(archive: bytes) -> str:
    return hashlib.sha256(archive).hexdigest()[:12]
