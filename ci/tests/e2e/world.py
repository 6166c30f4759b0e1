"""A release on real servers of this machine, each behind a proxy that handles some requests as a test scripts them."""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from tests.servers.fault_proxy import FaultProxy
from tests.servers.git import GitProxy, GitRepository, git_proxy, publish, stage_all
from tests.servers.loopback import Reply, Request
from tests.servers.registry import registry_proxy
from user import IMAGE, MANIFEST, OCI_MANIFEST, SEED, Call, Running, dagger, start

# Shapes that no tool takes for a credential of its own, and that are easy to find again.
USERNAME: Final = "someone"
PASSWORD: Final = "canary-password-4be1"  # noqa: S105 - a canary
TOKEN: Final = "canary-token-9d27"  # noqa: S105 - a canary
ENVIRONMENT: Final = {"USER_OF_TEST": USERNAME, "WORD_OF_TEST": PASSWORD, "TOKEN_OF_TEST": TOKEN}
REGISTRY_CREDENTIALS: Final = ("--docker-username=env:USER_OF_TEST", "--docker-password=env:WORD_OF_TEST")
CREDENTIALS: Final = (*REGISTRY_CREDENTIALS, "--token=env:TOKEN_OF_TEST")

# The request with which a claim or a commit is pushed.
PUSH: Final = r"^POST \S+/git-receive-pack$"


@dataclass(frozen=True)
class World:
    """One image's registry and infrastructure repository.

    Attributes:
        image: The image, which nobody else uses.
        registry: What callers meet instead of the registry.
        behind: Host and port of the registry itself.
        git: What callers meet instead of the git server.
        repository: The infrastructure repository.
    """

    image: str
    registry: FaultProxy
    behind: str
    git: GitProxy
    repository: GitRepository

    @property
    def registry_arguments(self) -> list[str]:
        """Return the flags that point a call at the image and its registry."""
        return [f"--image={self.image}", f"--registry-service=tcp://{self.registry.address}", *REGISTRY_CREDENTIALS]

    @property
    def arguments(self) -> list[str]:
        """Return the flags that point a call at both servers."""
        infra = [f"--infra-repo={self.repository.path.removesuffix('.git')}", "--token=env:TOKEN_OF_TEST"]
        return [*self.registry_arguments, f"--infra-service=tcp://{self.git.address}", *infra]

    def call(self, function: str, *arguments: str) -> Call:
        """Call a function that asks the registry alone."""
        return dagger(function, *self.registry_arguments, *arguments, environment=ENVIRONMENT)

    def next_version(self) -> str:
        """Return the version that the next release takes."""
        call = dagger("next-version", *self.arguments, environment=ENVIRONMENT)
        assert call.status == 0, call.stderr
        return call.stdout.strip()

    def deploy(self, version: str, *arguments: str) -> Call:
        """Name a version in the manifest."""
        return dagger("deploy", f"--image-version={version}", *self.arguments, *arguments, environment=ENVIRONMENT)

    def stage(self, source: Path, *arguments: str, environment: dict[str, str] | None = None) -> Call:
        """Stage ``source``."""
        return dagger(*self._stage(source, *arguments), environment=ENVIRONMENT | (environment or {}))

    def started(self, source: Path) -> Running:
        """Start staging ``source``, to be ended while it runs."""
        return start(*self._stage(source), environment=ENVIRONMENT)

    def tags(self) -> dict[str, str]:
        """Return every tag of the image in the registry itself, with its digest."""
        listed = httpx.get(f"http://{self.behind}/v2/{self.image}/tags/list", timeout=60)
        names = (listed.json().get("tags") or []) if listed.is_success else []
        return {name: self.manifest(name).headers["Docker-Content-Digest"] for name in names}

    def manifest(self, reference: str) -> httpx.Response:
        """Return a manifest of the registry itself."""
        address = f"http://{self.behind}/v2/{self.image}/manifests/{reference}"
        return httpx.get(address, headers={"Accept": OCI_MANIFEST}, timeout=60).raise_for_status()

    def claims(self) -> list[str]:
        """Return the versions that are claimed."""
        refs = self.repository.git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/claims/")
        return sorted(refs.split())

    def commits(self) -> list[str]:
        """Return the commits of the branch, the newest first."""
        return self.repository.git("log", "--format=%H", "main").split()

    def show(self, filename: str = MANIFEST) -> str:
        """Return a file as the branch holds it."""
        return self.repository.git("show", f"main:{filename}")

    def require(self, call: Call, version: str) -> None:
        """Expect that a run came to ``version``, and that registry and repository say so too."""
        assert call.release["version"] == version
        assert self.tags()[version] == call.release["digest"]
        assert self.commits()[0] == call.release["commit"]
        assert f"image: {self.image}:{version} " in self.show()

    def _stage(self, source: Path, *arguments: str) -> list[str]:
        # The database lies in the user's own registry, as a mirror of it would.
        database = f"--trivy-db=registry:{self.registry.address.partition(':')[2]}/aquasec/trivy-db:2"
        return ["stage", f"--source={source}", *self.arguments, database, *arguments]


@contextlib.contextmanager
def world(
    behind: str,
    folder: Path,
    request_filter: Callable[[Request], Reply | None] = lambda _: None,
    *,
    token: str = TOKEN,
    image: str = "",
) -> Iterator[World]:
    """Give a world whose registry is the one at ``behind``, and whose infrastructure repository lies in ``folder``.

    Args:
        behind: Host and port of the registry.
        folder: An empty folder.
        request_filter: Returns the reply to a rejected request of the registry; None to accept it.
        token: What the git server takes as password.
        image: The image; one that nobody else uses if empty.
    """
    image = image or f"faults/{uuid.uuid4().hex[:12]}"
    root = folder / "infra"
    shutil.copytree(SEED, root / "work")
    for manifest in (root / "work" / "manifests").rglob("*.yaml"):
        manifest.write_text(manifest.read_text().replace(IMAGE, image))
    stage_all(root / "work")
    publish(root / "work")
    with registry_proxy(behind, request_filter) as registry, git_proxy(folder, token) as git:
        yield World(image, registry, behind, git, GitRepository(root, f"http://{git.address}"))
