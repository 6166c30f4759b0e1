"""Loading of the model: errors, retries and the download from MLflow."""

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import is_running, wait_for, wait_until
from fastapi.testclient import TestClient

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.model import load
from callcenterai_svm.service import loading, mlflow_source
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings

LOADING = "the model is being loaded"


@contextmanager
def started(**settings: Any) -> Iterator[TestClient]:
    """A client of a running service with these settings."""
    with TestClient(create_app(Settings(**settings))) as client:
        yield client


def not_ready_reason(client: TestClient) -> str:
    """The reason in /ready after the first attempt has failed."""
    failed = wait_until(client, lambda response: LOADING not in response.text)
    assert failed.status_code == 503
    assert failed.json()["status"] == "not ready"
    reason: str = failed.json()["reason"]
    return reason


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def downloader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that runs in place of MLflow; the test writes it."""
    script = tmp_path / "downloader.py"
    monkeypatch.setattr(mlflow_source, "DOWNLOADER", script)
    return script


def test_service_without_a_model_reports_the_reason() -> None:
    """Without a model, /health is green and the prediction routes give 503."""
    with started(model_path="nowhere") as client:
        reason = not_ready_reason(client)
        assert reason == (
            "MODEL_PATH: expected one model.safetensors or pickle in nowhere, found none"
        )
        assert client.get("/health").status_code == 200
        for route, body in (
            ("/predict", {"text": ["a"]}),
            ("/predict_one", {"text": "a"}),
        ):
            response = client.post(route, json=body)
            assert response.status_code == 503
            assert response.json() == {"detail": f"not ready: {reason}"}


def test_service_becomes_ready_when_the_model_appears(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service retries until the model appears, without a restart."""
    monkeypatch.setattr(loading, "MIN_RETRY_SECONDS", 0.05)
    with started(model_path=tmp_path / "late") as client:
        not_ready_reason(client)
        shutil.copytree(model_folder, tmp_path / "late")
        wait_until(client, lambda response: response.status_code == 200)


def test_unexpected_error_becomes_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an unexpected error, the reason has its type and refers to the log."""

    def fail(*_: object) -> None:
        raise MemoryError("all of it")

    monkeypatch.setattr(loading, "_load", fail)
    with started() as client:
        assert not_ready_reason(client) == "unexpected MemoryError; see the log"


def test_model_uri_is_downloaded_by_mlflow(model_folder: Path, tmp_path: Path) -> None:
    """MODEL_URI takes precedence over MODEL_PATH; its model file may be in a subfolder."""
    shutil.copytree(model_folder, tmp_path / "run" / "model")
    uri = (tmp_path / "run").as_uri()
    with started(model_uri=uri, model_path="nowhere", model_timeout=60) as client:
        ready = wait_until(client, lambda response: LOADING not in response.text)
        assert ready.status_code == 200
        model = ready.json()["model"]
        assert model["source"] == "MODEL_URI"
        assert model["version"] == load(model_folder / MODEL_FILE).version


@pytest.mark.parametrize(
    ("files", "count"),
    [((), "none"), (("a/model.safetensors", "b/model.safetensors"), "2")],
)
def test_artifacts_must_contain_one_model(
    downloader: Path, files: tuple[str, ...], count: str
) -> None:
    """Artifacts with no model, or with two, fail with the number found."""
    downloader.write_text(f"""
import pathlib, sys
for name in {files}:
    path = pathlib.Path(sys.argv[1], name)
    path.parent.mkdir()
    path.touch()
""")
    with started(model_uri="models:/callcenterai-svm/3") as client:
        reason = not_ready_reason(client)
    assert reason.startswith("MODEL_URI: expected one model.safetensors or pickle in")
    assert reason.endswith(f", found {count}")


def test_hidden_files_are_ignored(model_folder: Path, tmp_path: Path) -> None:
    """Leftovers of a killed training and the hidden folders of volumes are ignored."""
    folder = tmp_path / "volume"
    shutil.copytree(model_folder, folder / "..2026_11_24")
    (folder / MODEL_FILE).symlink_to(folder / "..2026_11_24" / MODEL_FILE)
    (folder / ".partial-1").mkdir()
    (folder / ".partial-1" / MODEL_FILE).write_bytes(b"half")
    with started(model_path=folder) as client:
        ready = wait_until(client, lambda response: LOADING not in response.text)
        assert ready.status_code == 200


def test_invalid_model_file_is_reported(tmp_path: Path) -> None:
    """The reason for an invalid model file has its path, in one line."""
    (tmp_path / MODEL_FILE).write_bytes(b"not a\nmodel")
    with started(model_path=tmp_path) as client:
        reason = not_ready_reason(client)
    assert reason.startswith(f"{tmp_path / MODEL_FILE}: ")
    assert "\n" not in reason


def test_missing_temporary_folder_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a writable /tmp, the reason asks for one."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing/here")
    with started(model_uri="models:/callcenterai-svm/3") as client:
        assert not_ready_reason(client).endswith("give the service a writable /tmp")


def test_silent_mlflow_server_times_out(silent_server: str) -> None:
    """The download times out with a reason that names the setting; /health stays green."""
    with started(
        model_uri="models:/callcenterai-svm/3",
        mlflow_tracking_uri=silent_server,
        model_timeout=0.5,
    ) as client:
        assert client.get("/health").status_code == 200
        reason = not_ready_reason(client)
    assert reason.startswith("MODEL_URI: download timed out after 0.5 s")


def test_reason_begins_with_the_system_error() -> None:
    """The reason begins with the system error, before MLflow's long message."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    with started(
        model_uri="models:/a/1", mlflow_tracking_uri=uri, model_timeout=60
    ) as client:
        reason = not_ready_reason(client)
    assert reason.startswith("MODEL_URI: Connection refused: MlflowException: ")
    assert uri in reason


def test_download_is_killed_when_the_service_stops(
    downloader: Path, tmp_path: Path
) -> None:
    """Stopping the service kills a running download and its child processes at once."""
    downloader.write_text("""
import os, pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
pathlib.Path("pids").rename("started")
time.sleep(600)
""")
    with started(model_uri="models:/callcenterai-svm/3", model_timeout=60):
        wait_for(lambda: Path("started").exists())
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5
    pids = Path("started").read_text().split()
    wait_for(lambda: not any(map(is_running, pids)))


def test_reason_of_a_failed_download_is_short_and_without_secrets(
    downloader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is the last line, shortened, with secrets masked."""
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "swordfish")
    downloader.write_text("""
import os, sys
token, password = (os.environ[n] for n in ("DATABRICKS_TOKEN", "MLFLOW_TRACKING_PASSWORD"))
sys.exit(f"a warning\\n{token} {password} https://me:{password}@host " + "!" * 999)
""")
    with started(model_uri="models:/a/1", databricks_token="canary") as client:
        reason = not_ready_reason(client)
    assert reason.startswith("MODEL_URI: *** *** https://***@host !!")
    assert len(reason) < 400
