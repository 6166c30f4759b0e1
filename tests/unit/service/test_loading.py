"""A service without a model: it lives, says why, and becomes ready when it can."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, wait_until
from fastapi.testclient import TestClient

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.model import load
from callcenterai_svm.service import loading, mlflow_source
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings

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


def until(holds: Callable[[], bool]) -> None:
    """Waits for something that takes a moment."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def runs(pid: str) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        status = Path("/proc", pid, "stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


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
        assert reason == (
            "MODEL_PATH: no files named model.safetensors or like a pickle in nowhere, "
            "expected one"
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
    """It tries again, and nobody has to restart it."""
    monkeypatch.setattr(loading, "SHORTEST_PAUSE", 0.05)
    with started(model_path=tmp_path / "late") as client:
        refusal(client)
        shutil.copytree(model_folder, tmp_path / "late")
        wait_until(client, lambda response: response.status_code == 200)


def test_unexpected_failure_is_no_endless_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reason names its kind, and the log has the rest."""

    def fail(*_: object) -> None:
        raise MemoryError("all of it")

    monkeypatch.setattr(loading, "_load", fail)
    with started() as client:
        assert refusal(client) == "unexpected MemoryError; see the log"


def test_model_uri_is_fetched_by_mlflow(model_folder: Path, tmp_path: Path) -> None:
    """And wins over MODEL_PATH; it may name a folder that holds the model's file."""
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
    [((), "no"), (("a/model.safetensors", "b/model.safetensors"), "2")],
)
def test_artifacts_that_are_not_one_model_are_refused(
    downloader: Path, files: tuple[str, ...], count: str
) -> None:
    """The reason says what was looked for."""
    downloader.write_text(f"""
import pathlib, sys
for name in {files}:
    path = pathlib.Path(sys.argv[1], name)
    path.parent.mkdir()
    path.touch()
""")
    with started(model_uri="models:/callcenterai-svm/3") as client:
        assert f": {count} files named model.safetensors" in refusal(client)


def test_what_is_hidden_does_not_count(model_folder: Path, tmp_path: Path) -> None:
    """A training that was killed, and the folder behind a Kubernetes volume's links."""
    folder = tmp_path / "volume"
    shutil.copytree(model_folder, folder / "..2026_11_24")
    (folder / MODEL_FILE).symlink_to(folder / "..2026_11_24" / MODEL_FILE)
    (folder / ".partial-1").mkdir()
    (folder / ".partial-1" / MODEL_FILE).write_bytes(b"half")
    with started(model_path=folder) as client:
        ready = wait_until(client, lambda response: LOADING not in response.text)
        assert ready.status_code == 200


def test_model_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """The reason is the model's own, in one line."""
    (tmp_path / MODEL_FILE).write_bytes(b"no\nmodel")
    with started(model_path=tmp_path) as client:
        reason = refusal(client)
    assert reason.startswith(f"{tmp_path / MODEL_FILE}: ")
    assert "\n" not in reason


def test_without_a_folder_to_write_to_the_reason_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The root file system may be read-only, and /tmp not mounted."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing/here")
    with started(model_uri="models:/callcenterai-svm/3") as client:
        assert refusal(client).endswith("give the service a writable /tmp")


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


def test_reason_begins_with_what_the_system_says() -> None:
    """MLflow's own sentence about a host that is not there is too long to be read."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    with started(
        model_uri="models:/a/1", mlflow_tracking_uri=uri, model_timeout=60
    ) as client:
        reason = refusal(client)
    assert reason.startswith("MODEL_URI: Connection refused: MlflowException: ")
    assert uri in reason


def test_download_ends_with_the_service(downloader: Path, tmp_path: Path) -> None:
    """At once, and with it whatever it has started."""
    downloader.write_text("""
import os, pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
pathlib.Path("pids").rename("started")
time.sleep(600)
""")
    with started(model_uri="models:/callcenterai-svm/3", model_timeout=60):
        until(lambda: Path("started").exists())
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5
    pids = Path("started").read_text().split()
    until(lambda: not any(map(runs, pids)))


def test_reason_of_a_failed_download_is_short_and_without_secrets(
    downloader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last line counts; anybody may ask /ready."""
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "swordfish")
    downloader.write_text("""
import os, sys
token, password = (os.environ[n] for n in ("DATABRICKS_TOKEN", "MLFLOW_TRACKING_PASSWORD"))
sys.exit(f"a warning\\n{token} {password} https://me:{password}@host " + "!" * 999)
""")
    with started(model_uri="models:/a/1", databricks_token="canary") as client:
        reason = refusal(client)
    assert reason.startswith("MODEL_URI: *** *** https://***@host !!")
    assert len(reason) < 400
