"""Run `dagger call` as a user does, and the rehearsals that the tests create with it."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import httpx
import pytest

REPOSITORY: Final = Path(__file__).parents[3]
MINIMAL_SERVICE: Final = Path(__file__).parent / "testdata" / "service"
SEED: Final = REPOSITORY / "examples" / "infra"
IMAGE: Final = "medhedimaaroufi/callcenterai-svm"
INFRA_REPO: Final = "MLOps-CallcenterAI/Infrastructure-Configuration"
FILENAME: Final = "manifests/default/svm.yaml"
# The end of a waiver that is active: within a year, and far enough that no test runs past it.
WAIVED_UNTIL: Final = (datetime.now(UTC).date() + timedelta(days=180)).isoformat()
CALL_TIMEOUT: Final = 900  # seconds; a call with a cold cache builds images
# The sample database, from a rehearsal for each worker: engine 0.19.10, once started again, mounts the volumes of one
# for one run at a time.
_WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER", "main")
SAMPLE_DATABASE: Final = ("--trivy-db=rehearsal", f"--rehearsal=scan-{_WORKER}")
# Engine 0.19.10 may lose the session of a client while it connects, if others come and go; nothing has run then.
_LOST_SESSION: Final = "failed to get requester session"

# No plain string: `config="--image=x"` would be passed on letter by letter.
Flags = list[str] | tuple[str, ...]
Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Call:
    """The result of a `dagger call`.

    Attributes:
        status: Exit status.
        stdout: Standard output.
        stderr: Standard error.
    """

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The error at the end of standard error, one line for each failed step; empty if there is none."""
        _, start, lines = f"\n{self.stderr}".rpartition("\nError: ")
        return re.sub(r" \[traceparent:.*\]", "", f"Error: {lines}") if start else ""

    @property
    def release(self) -> dict[str, str]:
        """The object that `stage --format=json` printed, without the timeline, which differs between equal runs."""
        assert self.status == 0, self.stderr
        release: dict[str, str] = json.loads(self.stdout)
        del release["timeline"]
        return release


def dagger(function: str, *arguments: str, config: Flags = (), variables: Mapping[str, str] | None = None) -> Call:
    """Run `dagger call CONFIG FUNCTION ARGUMENTS` in the repository and wait for it.

    A call whose session the engine lost before it began is repeated once.

    Args:
        function: The function to call.
        arguments: Its flags, and what to call on its result, such as ``export --path=…``.
        config: Flags of the module's constructor.
        variables: Environment variables to add.
    """
    call = wait_for(start(function, *arguments, config=config, variables=variables))
    if _LOST_SESSION in call.error:
        call = wait_for(start(function, *arguments, config=config, variables=variables))
    return call


def start(function: str, *arguments: str, config: Flags = (), variables: Mapping[str, str] | None = None) -> Process:
    """Start `dagger call CONFIG FUNCTION ARGUMENTS` in the repository; the arguments are those of `dagger`."""
    return start_in(REPOSITORY, "call", *config, function, *arguments, variables=variables)


def start_in(folder: Path, *words: str, variables: Mapping[str, str] | None = None) -> Process:
    """Start `dagger WORDS` in a folder.

    Args:
        folder: The working directory, whose `.env` and `dagger.json` the CLI reads.
        words: The words of the command line after `dagger`.
        variables: Environment variables to add.
    """
    return subprocess.Popen(
        ["dagger", *words],
        cwd=folder,
        env=os.environ | (variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: Process) -> Call:
    """Wait until a call has ended and return its result; kill it at `CALL_TIMEOUT`."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=CALL_TIMEOUT)
        finally:
            process.kill()
    return Call(process.returncode, stdout, stderr)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal by its name."""

    name: str

    @classmethod
    def unique(cls) -> Self:
        """Return a rehearsal with a name that no other test uses."""
        return cls(f"test-{uuid.uuid4().hex[:12]}")

    @property
    def config(self) -> list[str]:
        """The constructor flags that select this rehearsal."""
        return [f"--rehearsal={self.name}"]

    def stage(self, source: Path, *arguments: str, config: Flags = ()) -> Call:
        """Stage ``source`` in this rehearsal."""
        return dagger("stage", f"--source={source}", *arguments, config=[*self.config, *config])

    def inspect(self, *arguments: str, config: Flags = ()) -> str:
        """Return what `rehearsal ARGUMENTS` prints, such as the tags."""
        call = dagger("rehearsal", *arguments, config=[*self.config, *config])
        assert call.status == 0, call.stderr
        return call.stdout

    @contextmanager
    def serve(self, service: str, port: int) -> Iterator[str]:
        """Publish one of the rehearsal's services on a free local port, as `… up` does; yield its address."""
        local = free_port()
        command = ["dagger", "call", *self.config, "rehearsal", service, "up", f"--ports={local}:{port}"]
        with (
            tempfile.TemporaryFile() as log,
            subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=log) as up,
        ):
            try:
                if not is_served(local, up):
                    log.seek(0)
                    pytest.fail(f"no service answered on local port {local}: {log.read().decode()}")
                yield f"localhost:{local}"
            finally:
                up.terminate()


def is_served(port: int, process: "subprocess.Popen[bytes]", seconds: float = 120) -> bool:
    """Wait until a service answers on a port; return False if its process ends or the seconds pass before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://localhost:{port}/v2/", timeout=2)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return True
    return False


def make_source(folder: Path, number: int) -> Path:
    """Copy the minimal service into ``folder`` and change one line, so that each number builds another image."""
    source = Path(shutil.copytree(MINIMAL_SERVICE, folder / f"source-{number}"))
    with (source / "src" / "service" / "__init__.py").open("a") as file:
        file.write(f"\n\nNUMBER = {number}\n")
    return source


def copy_parts(folder: Path, parts: Iterable[str]) -> None:
    """Copy files and folders of this repository to the same paths in ``folder``."""
    for part in parts:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / part).is_dir():
            shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / part, folder / part)


def free_port() -> int:
    """Return a local TCP port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
