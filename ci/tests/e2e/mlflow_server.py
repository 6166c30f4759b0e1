"""A real MLflow tracking server on this machine, as a team runs one: SQLite behind it, artifacts served by it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from user import REPOSITORY, free_port

PROGRAM = REPOSITORY / ".venv" / "mlflow" / "bin" / "mlflow"
# Seconds until it answers: it makes its tables first, and imports a lot.
PATIENCE = 240


@dataclass(frozen=True)
class Mlflow:
    """The server, asked by its own API: what it says is what a person sees in its pages."""

    address: str

    @property
    def service(self) -> str:
        """The flag that points a call at it."""
        return f"--tracking-service=tcp://{self.address}"

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return what it answers to a question."""
        answer = httpx.get(f"http://{self.address}/api/2.0/mlflow/{path}", params=parameters, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of a registered model, the newest first."""
        found = self.get("model-versions/search", filter=f"name='{name}'").get("model_versions", [])
        return sorted(found, key=lambda version: int(version["version"]), reverse=True)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[Mlflow]:
    """Run a server with its state in ``folder``, with no settings but where that is: as `mlflow server` starts it."""
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing; `make test-e2e` sets it up")
    port = free_port()
    state = [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"]
    command = [str(PROGRAM), "server", "--host=127.0.0.1", f"--port={port}", "--workers=1", *state]
    # Its jobs are of no use here, and each is a process.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            _wait_for(port, server, folder / "log")
            yield Mlflow(f"localhost:{port}")
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"http://localhost:{port}/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"MLflow did not start: {log.read_text()[-2000:]}")
