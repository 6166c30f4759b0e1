"""One model, trained once, and a service that serves it; no environment, no network."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sklearn.calibration import CalibratedClassifierCV

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.arrays import ModelArrays
from callcenterai_svm.dataset import FEWEST, Tickets, read_tickets
from callcenterai_svm.export import exported
from callcenterai_svm.metrics import Metrics
from callcenterai_svm.model import TopicModel, save
from callcenterai_svm.pipeline import calibrated
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings
from callcenterai_svm.train import main

PATIENCE = 60.0
"""Seconds until a wait gives up; far above what any of them takes."""

# A busy machine is no failure.
hypothesis.settings.register_profile("unit", deadline=None)
hypothesis.settings.load_profile("unit")


@dataclass(frozen=True)
class Trained:
    """What one run of the training left behind."""

    folder: Path
    metrics: Metrics
    said: str


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no .env of the machine reaches a test."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def tickets_csv() -> Path:
    """The sample that ships with the project."""
    return Path(__file__).parents[2] / "data" / "tickets.csv"


@pytest.fixture(scope="session")
def few_csv(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As few tickets of each topic as can be trained on."""
    with tickets_csv.open(newline="") as lines:
        header, *rows = csv.reader(lines)
    path = tmp_path_factory.mktemp("few") / "few.csv"
    with path.open("w", newline="") as lines:
        few = (row for first in range(0, 400, 50) for row in rows[first:][:FEWEST])
        csv.writer(lines).writerows([header, *few])
    return path


@pytest.fixture(scope="session")
def tickets(tickets_csv: Path) -> Tickets:
    """The sample, read."""
    return read_tickets(tickets_csv)


@pytest.fixture(scope="session")
def few_tickets(few_csv: Path) -> Tickets:
    """The few, read."""
    return read_tickets(few_csv)


def silent(_: str) -> None:
    """Takes progress and says nothing."""


def small_model(**changes: Any) -> ModelArrays:
    """A model of five n-grams and two topics, with some of its arrays exchanged."""
    arrays = {
        "topics": ("Access", "Storage"),
        "words": ("a", "a b", "b"),
        "characters": (" a ", " b "),
        "idf": np.arange(1.0, 6.0),
        "weights": np.arange(10.0).reshape(5, 2),
        "intercept": np.zeros(2),
        "beta": np.asarray(1.0),
    }
    return ModelArrays(**{**arrays, **changes})


@pytest.fixture(scope="session")
def classifier(tickets: Tickets) -> CalibratedClassifierCV:
    """The scikit-learn classifier, fitted on the sample with nothing chosen."""
    return calibrated(c=0.1, seed=0, jobs=1).fit(tickets.texts, tickets.topics)


@pytest.fixture(scope="session")
def topic_model(classifier: CalibratedClassifierCV) -> TopicModel:
    """The same classifier as it is served."""
    return TopicModel("sample", exported(classifier))


@pytest.fixture(scope="session")
def trained(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model trained on the sample by the project's own command."""
    folder = tmp_path_factory.mktemp("trained") / "deep" / "model"
    with redirect_stdout(io.StringIO()) as said:
        assert main(["--data", str(tickets_csv), "--output", str(folder)]) == 0
    metrics = Metrics(**json.loads((folder / "metrics.json").read_text()))
    return Trained(folder, metrics, said.getvalue())


@pytest.fixture(scope="session")
def model_folder(
    classifier: CalibratedClassifierCV, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder that holds the same classifier as a file, and nothing else."""
    folder = tmp_path_factory.mktemp("model")
    save(exported(classifier), folder / MODEL_FILE)
    return folder


@pytest.fixture(scope="session")
def client(model_folder: Path) -> Iterator[TestClient]:
    """A service that is ready to predict."""
    # Constructed unvalidated, so that it reads no environment either.
    settings = Settings.model_construct(model_path=model_folder)
    with TestClient(create_app(settings)) as ready:
        wait_until(ready, lambda response: response.status_code == 200)
        yield ready


def wait_until(client: TestClient, wanted: Callable[[Response], bool]) -> Response:
    """Asks /ready until its answer is the wanted one, and returns that."""
    end = time.monotonic() + PATIENCE
    while not wanted(response := client.get("/ready")):
        assert time.monotonic() < end, f"still {response.text}"
        time.sleep(0.02)
    return response
