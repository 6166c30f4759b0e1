"""One model, trained once, and a service that serves it; no environment, no network."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from callcenterai_svm.app import create_app
from callcenterai_svm.settings import Settings
from callcenterai_svm.train import Metrics, main

PATIENCE = 60.0
"""Seconds until a wait gives up; far above what any of them takes."""


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
def trained(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model trained on the sample by the project's own command."""
    folder = tmp_path_factory.mktemp("trained") / "deep" / "model"
    with redirect_stdout(io.StringIO()) as said:
        assert main(["--data", str(tickets_csv), "--output", str(folder)]) == 0
    metrics = Metrics(**json.loads((folder / "metrics.json").read_text()))
    return Trained(folder, metrics, said.getvalue())


@pytest.fixture(scope="session")
def client(trained: Trained) -> Iterator[TestClient]:
    """A service that is ready to predict."""
    # Constructed unvalidated, so that it reads no environment either.
    settings = Settings.model_construct(model_path=trained.folder)
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
