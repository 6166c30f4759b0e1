"""Pickled models of other projects, which are rejected unless their digest is allowed."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import wait_until
from fastapi.testclient import TestClient

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.errors import ModelError
from callcenterai_svm.service import pickled_models
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings
from callcenterai_svm.topics import TOPICS

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV

TICKETS = ["My PASSWORD expired!", "the vendor sent an invoice for the purchase order"]


class Bomb:
    """Creates a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


class Classifier:
    """A classifier with given classes and fixed predictions."""

    def __init__(self, classes: Sequence[str], topic: str, row: Sequence[float]):
        self.classes_ = np.array(classes)
        self.topic, self.row = topic, row

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the same topic for every text."""
        return np.array([self.topic] * len(texts))

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the same probabilities for every text."""
        return np.array([self.row] * len(texts))


class Unfitted(Classifier):
    """A classifier that was never fitted."""

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Raises, as scikit-learn does for an unfitted classifier."""
        raise RuntimeError("not fitted yet")


def load(content: bytes, name: str = "model.pkl") -> pickled_models.PickledModel:
    """Writes a pickle and loads it with its digest allowed."""
    path = Path(name)
    path.write_bytes(content)
    return pickled_models.load(path, {hashlib.sha256(content).hexdigest()})


@pytest.mark.parametrize("name", ["model.pkl", "m.pickle", "m.joblib", "m.cloudpickle"])
def test_pickle_is_rejected_unless_its_digest_is_allowed(
    tmp_path: Path, name: str
) -> None:
    """The reason has the digest and the setting, and no code of the file runs."""
    content = pickle.dumps(Bomb())
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / name).write_bytes(content)
    other = "0" * 64
    settings = Settings(model_path=tmp_path, model_allowed_pickles={other})
    with TestClient(create_app(settings)) as client:
        failed = wait_until(client, lambda response: "SHA-256" in response.text)
    assert failed.json()["reason"] == (
        f"{name}: pickle not allowed; if you trust it, add its SHA-256 to "
        f"MODEL_ALLOWED_PICKLES: {hashlib.sha256(content).hexdigest()}"
    )
    assert not Path("exploded").exists()


def test_pickle_next_to_a_model_file_is_ignored(
    model_folder: Path, tmp_path: Path
) -> None:
    """A folder with a model file loads that, even if a pickle in it is allowed."""
    content = pickle.dumps(Bomb())
    (tmp_path / "model.pkl").write_bytes(content)
    (tmp_path / MODEL_FILE).write_bytes((model_folder / MODEL_FILE).read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    settings = Settings(model_path=tmp_path, model_allowed_pickles={digest})
    with TestClient(create_app(settings)) as client:
        wait_until(client, lambda response: response.status_code == 200)
    assert not Path("exploded").exists()


def test_allowed_pickle_works_like_any_model(
    classifier: CalibratedClassifierCV, tmp_path: Path
) -> None:
    """An allowed pickle predicts cleaned texts, and its version is its digest."""
    content = pickle.dumps(classifier)
    (tmp_path / "model.pkl").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    settings = Settings(model_path=tmp_path, model_allowed_pickles={digest})
    with TestClient(create_app(settings)) as client:
        ready = wait_until(client, lambda response: response.status_code == 200)
        request = {"text": TICKETS, "probabilities": True}
        body = client.post("/predict", json=request).json()
    assert ready.json()["model"]["version"] == digest[:12]
    assert body["predictions"] == ["Access", "Purchase"]
    expected = classifier.predict_proba(TICKETS)
    given = [list(row.values()) for row in body["probabilities"]]
    assert np.allclose(given, expected)


def test_joblib_file_is_loaded_by_joblib(
    classifier: CalibratedClassifierCV,
) -> None:
    """A .joblib file, which embeds raw arrays in the pickle, is loaded by joblib."""
    import joblib

    file = io.BytesIO()
    joblib.dump(classifier, file)
    model = load(file.getvalue(), "model.joblib")
    assert model.predict(TICKETS) == ["Access", "Purchase"]


def test_missing_package_is_named(
    classifier: CalibratedClassifierCV, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle that needs scikit-learn fails with the pip command to install it."""
    content = pickle.dumps(classifier)
    for name in list(sys.modules):
        if name.partition(".")[0] == "sklearn":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModelError, match="pip install scikit-learn$"):
        load(content)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("a text", "the model has no method predict"),
        (Classifier(["Access", "Sports"], "Access", (1, 0)), "unknown topics: .'Sport"),
        (Classifier([], "Access", ()), "do not match its classes_"),
        (Classifier(TOPICS, "Sports", [0.125] * 8), "do not match its classes_"),
        (Classifier(TOPICS, "Access", [1.0]), "do not match its classes_"),
        (
            Unfitted(TOPICS, "Access", [1.0]),
            "prediction failed: RuntimeError: not fitted yet",
        ),
    ],
)
def test_pickle_of_another_object_is_rejected(model: Any, reason: str) -> None:
    """A pickle that cannot classify tickets is rejected by a trial prediction."""
    with pytest.raises(ModelError, match=reason):
        load(pickle.dumps(model))


def test_invalid_pickle_is_rejected() -> None:
    """Any exception of unpickling is reported with the name of the file."""
    with pytest.raises(ModelError, match="model.pkl: cannot be unpickled: "):
        load(b"not a pickle")


def test_missing_pickle_is_rejected() -> None:
    """A pickle that disappears before it is read raises a ModelError."""
    with pytest.raises(ModelError, match="No such file"):
        pickled_models.load(Path("missing.pkl"), set())
