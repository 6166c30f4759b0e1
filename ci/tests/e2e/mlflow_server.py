"""A real MLflow tracking server on this machine, with SQLite and with artifacts that it serves itself."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cli import REPOSITORY, free_port

PROGRAM: Final = REPOSITORY / ".venv" / "mlflow" / "bin" / "mlflow"
START_TIMEOUT: Final = 240  # seconds; the server imports much and creates its tables first


@dataclass(frozen=True)
class MlflowServer:
    """A running server, queried through its REST API.

    Attributes:
        address: Host and port.
    """

    address: str

    @property
    def flag(self) -> str:
        """The flag that selects this server."""
        return f"--tracking-service=tcp://{self.address}"

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return the response of the REST API to a GET request."""
        response = httpx.get(f"http://{self.address}/api/2.0/mlflow/{path}", params=parameters, timeout=60)
        response.raise_for_status()
        result: dict[str, Any] = response.json()
        return result

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run."""
        run: dict[str, Any] = self.get("runs/get", run_id=run_id)["run"]
        return run

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of a registered model, newest first."""
        versions = self.get("model-versions/search", filter=f"name='{name}'").get("model_versions", [])
        return sorted(versions, key=lambda version: int(version["version"]), reverse=True)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[MlflowServer]:
    """Run `mlflow server` with its state in ``folder`` and with defaults for everything else."""
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing; `make test-e2e` installs it")
    port = free_port()
    state = [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"]
    command = [str(PROGRAM), "server", "--host=127.0.0.1", f"--port={port}", "--workers=1", *state]
    # Job execution starts further processes, which these tests do not need.
    variables = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True) as server,
    ):
        try:
            _wait_until_healthy(port, server, folder / "log")
            yield MlflowServer(f"localhost:{port}")
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def _wait_until_healthy(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"http://localhost:{port}/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"MLflow did not start: {log.read_text()[-2000:]}")
