"""The command line as a user types it, and looks at the outside with tools of this machine."""

import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

REPOSITORY = Path(__file__).parents[3]
SERVICE = Path(__file__).parent / "testdata" / "service"
SEED = REPOSITORY / "examples" / "infra"
IMAGE = "medhedimaaroufi/callcenterai-svm"
INFRA_REPO = "MLOps-CallcenterAI/Infrastructure-Configuration"
MANIFEST = "manifests/default/svm.yaml"
# Seconds for one call; a cold one builds images.
LIMIT = 900


@dataclass(frozen=True)
class Call:
    """How a call of the command line ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The lines in which a person reads why it failed, one for each step that did."""
        told = "\n" + self.stderr
        return re.sub(r" \[traceparent:.*\]", "", told[told.rindex("\nError: ") + 1 :]) if "\nError: " in told else ""

    @property
    def release(self) -> dict[str, str]:
        """The object that `--format=json` printed."""
        assert self.status == 0, self.stderr
        release: dict[str, str] = json.loads(self.stdout)
        return release


def dagger(*arguments: str, environment: dict[str, str] | None = None) -> Call:
    """Call `dagger call` with ``arguments`` in the repository, as a user does."""
    ended = subprocess.run(
        ["dagger", "call", *arguments],
        cwd=REPOSITORY,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Call(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal of a test's own."""

    name: str

    def stage(self, source: Path, *arguments: str) -> Call:
        """Stage ``source`` in this rehearsal."""
        return dagger("stage", f"--source={source}", f"--rehearsal={self.name}", *arguments)

    def look(self, *arguments: str) -> str:
        """Print a part of its state."""
        call = dagger("rehearsal", f"--name={self.name}", *arguments)
        assert call.status == 0, call.stderr
        return call.stdout

    def state(self) -> tuple[str, str]:
        """Return all tags with their digests, and all commits and claims."""
        return self.look("tags"), self.look("log")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def shown(*arguments: str, port: int) -> Iterator[str]:
    """Show a service of the module on a port of this machine, as `… up` does; give its address."""
    own = free_port()
    command = ["dagger", "call", *arguments, "up", f"--ports={own}:{port}"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(own, process)
            yield f"localhost:{own}"
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://localhost:{port}/v2/", timeout=2)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the service was not shown")


@dataclass(frozen=True)
class Servers:
    """A registry and a git server on this machine, as a user's own would be."""

    name: str
    registry: str
    infrastructure: str

    def arguments(self) -> list[str]:
        """Return the flags that point a call at them."""
        return [f"--registry-service=tcp://{self.registry}", f"--infra-service=tcp://{self.infrastructure}"]

    def digest(self, tag: str, image: str = IMAGE) -> str | None:
        """Return what the registry holds under a tag; None if nothing."""
        accept = "application/vnd.oci.image.manifest.v1+json"
        answer = httpx.head(
            f"http://{self.registry}/v2/{image}/manifests/{tag}", headers={"Accept": accept}, timeout=60
        )
        return answer.headers["Docker-Content-Digest"] if answer.is_success else None

    def git(self, *arguments: str) -> str:
        """Return what git prints when it asks the infrastructure repository."""
        return _git(*arguments, self._url)

    def show(self, filename: str) -> str:
        """Return a file of a fresh clone of the infrastructure repository."""
        with tempfile.TemporaryDirectory() as folder:
            _git("clone", "--quiet", self._url, folder)
            return (Path(folder) / filename).read_text()

    @property
    def _url(self) -> str:
        return f"http://{self.infrastructure}/{INFRA_REPO}.git"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
