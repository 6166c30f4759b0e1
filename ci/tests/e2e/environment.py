"""What the tests release to: real registries and git servers of this machine, some behind scriptable proxies."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import httpx
from cli import FILENAME, IMAGE, INFRA_REPO, SEED, Call, Flags, Process, Rehearsal, dagger, start
from real_registry import IMAGE_MANIFEST_TYPE, database_flag
from tests.servers.fault_proxy import FaultProxy
from tests.servers.git import GitProxy, GitRepository, git_proxy, publish, stage_all
from tests.servers.loopback import Reply, Request
from tests.servers.registry import registry_proxy

# Values that no secret scanner reports and that a search of the output cannot miss.
USERNAME: Final = "someone"
PASSWORD: Final = "canary-password-4be1"  # noqa: S105 - a canary
TOKEN: Final = "canary-token-9d27"  # noqa: S105 - a canary
CREDENTIAL_VARIABLES: Final = {"TEST_USERNAME": USERNAME, "TEST_PASSWORD": PASSWORD, "TEST_TOKEN": TOKEN}
REGISTRY_CREDENTIALS: Final = ("--docker-username=env:TEST_USERNAME", "--docker-password=env:TEST_PASSWORD")
CREDENTIALS: Final = (*REGISTRY_CREDENTIALS, "--infra-token=env:TEST_TOKEN")

# The request that pushes a claim or a commit: https://git-scm.com/docs/http-protocol
GIT_PUSH: Final = r"^POST \S+/git-receive-pack$"


@dataclass(frozen=True)
class Environment:
    """An image's registry and infrastructure repository, each behind a proxy.

    Attributes:
        image: The image, unique to the test unless it chose one.
        registry_proxy: The proxy in front of the registry.
        registry_address: Host and port of the registry itself.
        git_proxy: The proxy in front of the git server.
        repository: The infrastructure repository.
    """

    image: str
    registry_proxy: FaultProxy
    registry_address: str
    git_proxy: GitProxy
    repository: GitRepository

    @property
    def config(self) -> list[str]:
        """The constructor flags that select the image, both proxies, their credentials and the mirrored database."""
        return [
            f"--image={self.image}",
            f"--infra-repo={self.repository.path.removesuffix('.git')}",
            f"--registry-service=tcp://{self.registry_proxy.address}",
            f"--infra-service=tcp://{self.git_proxy.address}",
            *CREDENTIALS,
            database_flag(self.registry_proxy.address),
        ]

    def latest_version(self) -> Call:
        """Call `latest-version`."""
        return dagger("latest-version", config=self.config, variables=CREDENTIAL_VARIABLES)

    def next_version(self) -> str:
        """Return what `next-version` prints."""
        call = dagger("next-version", config=self.config, variables=CREDENTIAL_VARIABLES)
        assert call.status == 0, call.stderr
        return call.stdout.strip()

    def deploy(self, version: str, *arguments: str, config: Flags = ()) -> Call:
        """Call `deploy` with a version."""
        flags = [*self.config, *config]
        return dagger("deploy", f"--image-version={version}", *arguments, config=flags, variables=CREDENTIAL_VARIABLES)

    def stage(
        self, source: Path, *arguments: str, config: Flags = (), variables: Mapping[str, str] | None = None
    ) -> Call:
        """Call `stage` with ``source``."""
        flags = [*self.config, *config]
        given = {**CREDENTIAL_VARIABLES, **(variables or {})}
        return dagger("stage", f"--source={source}", *arguments, config=flags, variables=given)

    def start_stage(self, source: Path) -> Process:
        """Start `stage` with ``source`` without waiting for it."""
        return start("stage", f"--source={source}", config=self.config, variables=CREDENTIAL_VARIABLES)

    def tags(self) -> dict[str, str]:
        """Return the digest of each tag but those that list referrers, read from the registry itself."""
        listing = httpx.get(f"http://{self.registry_address}/v2/{self.image}/tags/list", timeout=60)
        names = (listing.json().get("tags") or []) if listing.is_success else []
        images = [name for name in names if not name.startswith("sha256-")]
        return {name: self.image_manifest(name).headers["Docker-Content-Digest"] for name in images}

    def image_manifest(self, reference: str) -> httpx.Response:
        """Return an image manifest, read from the registry itself."""
        address = f"http://{self.registry_address}/v2/{self.image}/manifests/{reference}"
        return httpx.get(address, headers={"Accept": IMAGE_MANIFEST_TYPE}, timeout=60).raise_for_status()

    def claims(self) -> list[str]:
        """Return the claimed versions."""
        return self._versions("claims")

    def records(self) -> list[str]:
        """Return the recorded versions."""
        return self._versions("records")

    def ref(self, namespace: str, version: str) -> str:
        """Return the name of the claim (in ``claims``) or of the record (in ``records``) of a version."""
        return f"refs/{namespace}/docker.io/{self.image}/-/{version}"

    def commits(self) -> list[str]:
        """Return the commits of the branch, newest first."""
        return self.repository.git("log", "--format=%H", "main").split()

    def read_file(self, filename: str = FILENAME) -> str:
        """Return the content of a file on the branch."""
        return self.repository.git("show", f"main:{filename}")

    def assert_released(self, call: Call, version: str) -> None:
        """Assert that a call released ``version`` and that the registry and the repository hold that release."""
        assert call.release["version"] == version
        record = self.repository.git("log", "-1", "--format=%B", self.ref("records", version))
        assert f"Digest: {call.release['digest']}\n" in record
        assert self.tags()[version] == call.release["digest"]
        assert self.commits()[0] == call.release["commit"]
        assert f"image: {self.image}:{version} " in self.read_file()

    def _versions(self, namespace: str) -> list[str]:
        refs = self.repository.git("for-each-ref", "--format=%(refname:lstrip=-1)", self.ref(namespace, ""))
        return sorted(refs.split())


@cache
def reserved_socket() -> socket.socket:
    """Reserve a port for the registry of all environments of this process, and return the socket that holds it.

    The engine caches a command by the address of its services, so with one port it downloads the vulnerability database
    and scans the minimal service once for all environments.
    """
    held = socket.socket()
    # Allows the proxies to listen on the port: socket(7), SO_REUSEADDR.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


@contextlib.contextmanager
def start_environment(
    registry_address: str,
    folder: Path,
    request_filter: Callable[[Request], Reply | None] = lambda _: None,
    *,
    token: str = TOKEN,
    image: str = "",
) -> Iterator[Environment]:
    """Start proxies in front of a registry and of a new infrastructure repository.

    Args:
        registry_address: Host and port of the registry.
        folder: The folder to create the repository in.
        request_filter: Rejects requests to the registry.
        token: The password that the git server accepts.
        image: The image; a unique one if empty.
    """
    image = image or f"faults/{uuid.uuid4().hex[:12]}"
    root = folder / "infra"
    shutil.copytree(SEED, root / "work")
    for manifest in (root / "work" / "manifests").rglob("*.yaml"):
        manifest.write_text(manifest.read_text().replace(IMAGE, image))
    stage_all(root / "work")
    publish(root / "work")
    port = reserved_socket().getsockname()[1]
    with registry_proxy(registry_address, request_filter, port) as registry, git_proxy(folder, token) as git:
        yield Environment(image, registry, registry_address, git, GitRepository(root, f"http://{git.address}"))


@dataclass(frozen=True)
class Servers:
    """A rehearsal's registry and git server, published on ports of this machine.

    Attributes:
        rehearsal: The rehearsal.
        registry: Host and port of the registry.
        infrastructure: Host and port of the git server.
    """

    rehearsal: Rehearsal
    registry: str
    infrastructure: str

    @property
    def config(self) -> list[str]:
        """The constructor flags that select both servers."""
        return [f"--registry-service=tcp://{self.registry}", f"--infra-service=tcp://{self.infrastructure}"]

    def digest(self, tag: str) -> str | None:
        """Return the digest of a tag; None if the registry does not have the tag."""
        address = f"http://{self.registry}/v2/{IMAGE}/manifests/{tag}"
        response = httpx.head(address, headers={"Accept": IMAGE_MANIFEST_TYPE}, timeout=60)
        return response.headers["Docker-Content-Digest"] if response.is_success else None

    def state(self) -> tuple[dict[str, str | None], str]:
        """Return all tags with their digests, and all refs of the infrastructure repository, claims among them."""
        listing = httpx.get(f"http://{self.registry}/v2/{IMAGE}/tags/list", timeout=60)
        names = listing.raise_for_status().json()["tags"]
        return {name: self.digest(name) for name in names}, self.refs()

    def refs(self) -> str:
        """Return the refs of the infrastructure repository."""
        return _git("ls-remote", self._url)

    def read_file(self, filename: str) -> str:
        """Return the content of a file in a new clone of the infrastructure repository."""
        with tempfile.TemporaryDirectory() as folder:
            _git("clone", "--quiet", self._url, folder)
            return (Path(folder) / filename).read_text()

    @property
    def _url(self) -> str:
        return f"http://{self.infrastructure}/{INFRA_REPO}.git"


@contextlib.contextmanager
def start_servers(rehearsal: Rehearsal) -> Iterator[Servers]:
    """Publish a rehearsal's registry and git server on ports of this machine."""
    with (
        rehearsal.serve("registry", port=5000) as registry,
        rehearsal.serve("infrastructure", port=8080) as infrastructure,
    ):
        yield Servers(rehearsal, registry, infrastructure)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
