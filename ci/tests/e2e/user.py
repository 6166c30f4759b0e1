"""The command line as a user types it, and looks at the outside with tools of this machine."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
import pytest

REPOSITORY = Path(__file__).parents[3]
SERVICE = Path(__file__).parent / "testdata" / "service"
SEED = REPOSITORY / "examples" / "infra"
IMAGE = "medhedimaaroufi/callcenterai-svm"
INFRA_REPO = "MLOps-CallcenterAI/Infrastructure-Configuration"
MANIFEST = "manifests/default/svm.yaml"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
Running = subprocess.Popen[str]
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
    return ended(start(*arguments, environment=environment))


def start(*arguments: str, environment: dict[str, str] | None = None) -> Running:
    """Start `dagger call` with ``arguments``."""
    return subprocess.Popen(
        ["dagger", "call", *arguments],
        cwd=REPOSITORY,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: Running) -> Call:
    """Wait until a call has ended, and return how it did."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    return Call(process.returncode, stdout, stderr)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal of a test's own."""

    name: str

    @classmethod
    def fresh(cls) -> Self:
        """Return a rehearsal that nobody else uses."""
        return cls(f"test-{uuid.uuid4().hex[:12]}")

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


def changed(folder: Path, number: int) -> Path:
    """Return a copy of the smallest service, in ``folder``, that makes an image of its own."""
    source = Path(shutil.copytree(SERVICE, folder / f"source-{number}"))
    with (source / "src" / "service" / "__init__.py").open("a") as file:
        file.write(f"\n\nNUMBER = {number}\n")
    return source


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


@contextmanager
def mirror() -> Iterator[str]:
    """Show a rehearsal's registry on a port of this machine; it holds the vulnerability database as a mirror does."""
    own = Rehearsal.fresh()
    try:
        scanned = dagger("scan", f"--source={SERVICE}", "--trivy-db=rehearsal", f"--rehearsal={own.name}")
        assert scanned.status == 0, scanned.stderr
        with shown("rehearsal", f"--name={own.name}", "registry", port=5000) as address:
            yield address
    finally:
        own.look("reset")


def tagged(registry: str, image: str, *tags: str) -> None:
    """Put a small artifact under each tag."""
    base = f"http://{registry}/v2/{image}"
    digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    empty = {"mediaType": OCI_EMPTY, "digest": digest, "size": 2}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]})
    with httpx.Client(timeout=60) as client:
        upload = httpx.URL(client.post(f"{base}/blobs/uploads/").headers["Location"])
        client.put(upload.copy_add_param("digest", digest), content=b"{}").raise_for_status()
        for tag in tags:
            client.put(
                f"{base}/manifests/{tag}", content=manifest, headers={"Content-Type": OCI_MANIFEST}
            ).raise_for_status()


def put_artifact(registry: str, name: str, media_type: str, layer: bytes, title: str) -> None:
    """Put a file into a registry under ``name``, a repository and a tag, as tools that keep files in registries do."""
    repository, _, tag = name.partition(":")
    base = f"http://{registry}/v2/{repository}"
    with httpx.Client(timeout=60) as client:

        def put(content: bytes, media_type: str) -> dict[str, object]:
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            upload = httpx.URL(client.post(f"{base}/blobs/uploads/").headers["Location"])
            client.put(upload.copy_add_param("digest", digest), content=content).raise_for_status()
            return {"mediaType": media_type, "digest": digest, "size": len(content)}

        config = put(b"{}", OCI_EMPTY)
        named = put(layer, media_type) | {"annotations": {"org.opencontainers.image.title": title}}
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [named]}
        headers = {"Content-Type": OCI_MANIFEST}
        client.put(f"{base}/manifests/{tag}", content=json.dumps(manifest), headers=headers).raise_for_status()


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
        address = f"http://{self.registry}/v2/{image}/manifests/{tag}"
        answer = httpx.head(address, headers={"Accept": OCI_MANIFEST}, timeout=60)
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
