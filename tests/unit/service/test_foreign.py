"""Models from elsewhere: pickles, refused unless their digest is allowed."""

import hashlib
import io
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import wait_until
from fastapi.testclient import TestClient
from sklearn.calibration import CalibratedClassifierCV

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.errors import ModelError
from callcenterai_svm.service import foreign
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings
from callcenterai_svm.topics import TOPICS

TICKETS = ["My PASSWORD expired!", "the vendor sent an invoice for the purchase order"]


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


class Classifier:
    """As much of one as is asked for."""

    def __init__(self, classes: Sequence[str], topic: str, row: Sequence[float]):
        self.classes_ = np.array(classes)
        self.topic, self.row = topic, row

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The same for every text."""
        return np.array([self.topic] * len(texts))

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """The same for every text."""
        return np.array([self.row] * len(texts))


class Unfitted(Classifier):
    """A classifier that was never fitted."""

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """As scikit-learn does."""
        raise RuntimeError("not fitted yet")


def loaded(content: bytes, name: str = "model.pkl") -> foreign.ForeignModel:
    """What comes of a file whose digest is allowed."""
    path = Path(name)
    path.write_bytes(content)
    return foreign.load(path, {hashlib.sha256(content).hexdigest()})


@pytest.mark.parametrize("name", ["model.pkl", "m.pickle", "m.joblib", "m.cloudpickle"])
def test_pickle_is_refused_by_its_digest(tmp_path: Path, name: str) -> None:
    """The reason names digest and setting, and nothing in the file has run."""
    content = pickle.dumps(Bomb())
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / name).write_bytes(content)
    other = "0" * 64
    settings = Settings(model_path=tmp_path, model_allowed_pickles={other})
    with TestClient(create_app(settings)) as client:
        failed = wait_until(client, lambda response: "sha256" in response.text)
    assert failed.json()["reason"] == (
        f"{name}: a pickle with the sha256 {hashlib.sha256(content).hexdigest()}, "
        "which is refused unless MODEL_ALLOWED_PICKLES names that digest"
    )
    assert not Path("exploded").exists()


def test_pickle_beside_a_model_is_left_alone(
    model_folder: Path, tmp_path: Path
) -> None:
    """Even one that is allowed."""
    content = pickle.dumps(Bomb())
    (tmp_path / "model.pkl").write_bytes(content)
    (tmp_path / MODEL_FILE).write_bytes((model_folder / MODEL_FILE).read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    settings = Settings(model_path=tmp_path, model_allowed_pickles={digest})
    with TestClient(create_app(settings)) as client:
        wait_until(client, lambda response: response.status_code == 200)
    assert not Path("exploded").exists()


def test_allowed_pickle_is_served_like_any_model(
    classifier: CalibratedClassifierCV, tmp_path: Path
) -> None:
    """Topics, probabilities and version; texts are cleaned for it."""
    content = pickle.dumps(classifier)
    (tmp_path / "model.pkl").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    settings = Settings(model_path=tmp_path, model_allowed_pickles={digest})
    with TestClient(create_app(settings)) as client:
        ready = wait_until(client, lambda response: response.status_code == 200)
        asked = {"text": TICKETS, "probabilities": True}
        answer = client.post("/predict", json=asked).json()
    assert ready.json()["model"]["version"] == digest[:12]
    assert answer["predictions"] == ["Access", "Purchase"]
    expected = classifier.predict_proba(TICKETS)
    given = [list(row.values()) for row in answer["probabilities"]]
    assert np.allclose(given, expected)


def test_joblib_file_is_read_as_joblib_writes_it(
    classifier: CalibratedClassifierCV,
) -> None:
    """Its arrays stand between the pickle's own bytes."""
    file = io.BytesIO()
    joblib.dump(classifier, file)
    model = loaded(file.getvalue(), "model.joblib")
    assert model.predict(TICKETS) == ["Access", "Purchase"]


def test_missing_package_is_named(
    classifier: CalibratedClassifierCV, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name it is installed under, in one line."""
    content = pickle.dumps(classifier)
    for name in list(sys.modules):
        if name.partition(".")[0] == "sklearn":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModelError, match="pip install scikit-learn$"):
        loaded(content)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("a text", "the model has no method predict"),
        (Classifier(["Access", "Sports"], "Access", (1, 0)), "unknown topics: .'Sport"),
        (Classifier([], "Access", ()), "does not predict one of its classes_"),
        (Classifier(TOPICS, "Sports", [0.125] * 8), "does not predict one of its"),
        (Classifier(TOPICS, "Access", [1.0]), "does not predict one of its classes_"),
        (Unfitted(TOPICS, "Access", [1.0]), "RuntimeError: not fitted yet"),
    ],
)
def test_pickle_of_something_else_is_refused(model: Any, reason: str) -> None:
    """What the service asks of a model is tried out first."""
    with pytest.raises(ModelError, match=reason):
        loaded(pickle.dumps(model))


def test_file_that_is_no_pickle_is_refused() -> None:
    """Whatever loading it raises."""
    with pytest.raises(ModelError, match="model.pkl: cannot be unpickled: "):
        loaded(b"no pickle")


def test_file_that_is_gone_is_refused() -> None:
    """A folder may change while it is looked at."""
    with pytest.raises(ModelError, match="No such file"):
        foreign.load(Path("gone.pkl"), set())
