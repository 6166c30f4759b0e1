"""A service without a model: it lives, says why, and becomes ready when it can."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Trained, wait_until
from fastapi.testclient import TestClient

from callcenterai_svm import loading, mlflow_source
from callcenterai_svm.app import create_app
from callcenterai_svm.settings import Settings

LOADING = "the model is being loaded"


@contextmanager
def started(**settings: Any) -> Iterator[TestClient]:
    """A running service with these settings."""
    with TestClient(create_app(Settings(**settings))) as client:
        yield client


def refusal(client: TestClient) -> str:
    """What /ready says once the first attempt has failed."""
    failed = wait_until(client, lambda response: LOADING not in response.text)
    assert failed.status_code == 503
    assert failed.json()["status"] == "not ready"
    reason: str = failed.json()["reason"]
    return reason


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def downloader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that runs in place of MLflow; the test writes it."""
    script = tmp_path / "downloader.py"
    monkeypatch.setattr(mlflow_source, "DOWNLOADER", script)
    return script


def test_service_without_a_model_lives_and_says_why() -> None:
    """Alive, not ready, and 503 with the reason from what predicts."""
    with started(model_path="nowhere") as client:
        reason = refusal(client)
        assert reason == "nowhere/model.skops: No such file or directory"
        assert client.get("/health").status_code == 200
        for route, body in (
            ("/predict", {"text": ["a"]}),
            ("/predict_one", {"text": "a"}),
        ):
            response = client.post(route, json=body)
            assert response.status_code == 503
            assert response.json() == {"detail": f"not ready: {reason}"}


def test_service_becomes_ready_when_the_model_appears(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again, and nobody has to restart it."""
    monkeypatch.setattr(loading, "SHORTEST_PAUSE", 0.05)
    with started(model_path=tmp_path / "late") as client:
        refusal(client)
        shutil.copytree(trained.folder, tmp_path / "late")
        wait_until(client, lambda response: response.status_code == 200)


def test_unexpected_failure_is_no_endless_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reason names its kind, and the log has the rest."""

    def fail(_: Path) -> None:
        raise MemoryError("all of it")

    monkeypatch.setattr(loading, "_load", fail)
    with started() as client:
        assert refusal(client) == "unexpected MemoryError; see the log"


def test_model_uri_is_fetched_by_mlflow(trained: Trained) -> None:
    """And wins over MODEL_PATH; it may name a folder that holds the model's file."""
    uri = trained.folder.parent.as_uri()
    with started(model_uri=uri, model_path="nowhere", model_timeout=60) as client:
        ready = wait_until(client, lambda response: LOADING not in response.text)
        assert ready.status_code == 200
        model = ready.json()["model"]
        assert model["source"] == "MODEL_URI"
        assert model["version"] == trained.metrics.model_version


def test_artifacts_without_a_model_file_are_refused(downloader: Path) -> None:
    """A pickle is no substitute."""
    downloader.write_text("import sys; open(sys.argv[1] + '/model.pkl', 'w')")
    with started(model_uri="models:/callcenterai-svm/3") as client:
        assert refusal(client) == (
            "MODEL_URI: 0 files named model.skops among its artifacts, expected one"
        )


def test_silent_mlflow_server_is_given_up_in_time(silent_server: str) -> None:
    """Health answers meanwhile, and the reason says which setting to look at."""
    with started(
        model_uri="models:/callcenterai-svm/3",
        mlflow_tracking_uri=silent_server,
        model_timeout=0.5,
    ) as client:
        assert client.get("/health").status_code == 200
        reason = refusal(client)
    assert reason.startswith("MODEL_URI: MLflow did not deliver within 0.5 s")


def test_service_stops_at_once_while_it_waits_for_mlflow(silent_server: str) -> None:
    """The download is ended with it."""
    with started(
        model_uri="models:/callcenterai-svm/3",
        mlflow_tracking_uri=silent_server,
        model_timeout=60,
    ):
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5


def test_reason_of_a_failed_download_is_short_and_without_the_token(
    downloader: Path,
) -> None:
    """Only the last line counts; anybody may ask /ready."""
    downloader.write_text(
        "import os, sys\n"
        "sys.exit('a warning\\nno entry for ' + os.environ['DATABRICKS_TOKEN'] + '!' * 999)"
    )
    with started(model_uri="models:/a/1", databricks_token="canary") as client:
        reason = refusal(client)
    assert reason.startswith("MODEL_URI: no entry for ***!!")
    assert len(reason) < 400
