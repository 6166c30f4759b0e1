"""A registry on the loopback interface that holds what a test put there, and the remotes of a release."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, cast

import pytest
from tests.servers.loopback import Reply, Server

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry
from stage_ci.rules.release import ReleaseLine
from stage_ci.steps import record, retry
from stage_ci.steps.remotes import Remotes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import dagger
    from tests.servers.git import GitRepository
    from tests.servers.loopback import Handler

PREFIX: Final = "/v2/owner/service/"
UNKNOWN: Final = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode()


def digest_of(content: bytes) -> str:
    """Return the digest of some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class RegistryServer(Server):
    """A registry that holds image manifests by tag and by digest."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.after_listing: Callable[[], object] = bool
        self._content: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}"

    def push(self, tag: str, **labels: str) -> str:
        """Put an image with these labels (``_`` stands for a dot) under a tag; return its digest."""
        named = {name.replace("_", "."): value for name, value in labels.items()}
        config = json.dumps({"architecture": "amd64", "tag": tag, "config": {"Labels": named}}).encode()
        return self.put(tag, {"schemaVersion": 2, "config": {"digest": self._keep(config)}, "layers": []})

    def put(self, tag: str, manifest: object) -> str:
        """Put a manifest of any shape under a tag; return its digest."""
        self.tags[tag] = self._keep(json.dumps(manifest).encode())
        return self.tags[tag]

    def handle(self, handler: Handler) -> Reply:
        """Take a manifest, or give what lies at an address."""
        request = handler.read()
        if request.method == "PUT":
            self.put(request.target.rpartition("/")[2], json.loads(request.body))
            return Reply(201)
        found = self._find(request.target)
        content = UNKNOWN if found is None else found
        return Reply(404 if found is None else 200, content, {"Docker-Content-Digest": digest_of(content)})

    def _find(self, target: str) -> bytes | None:
        if target == f"{PREFIX}tags/list":
            listing = json.dumps({"name": "owner/service", "tags": list(self.tags)}).encode()
            self.after_listing()
            return listing
        name = target.rpartition("/")[2]
        return self._content.get(self.tags.get(name, name))

    def _keep(self, content: bytes) -> str:
        self._content[digest_of(content)] = content
        return digest_of(content)


@pytest.fixture
def registry_server() -> Iterator[RegistryServer]:
    """Return an empty registry."""
    with RegistryServer() as server:
        yield server


@pytest.fixture
async def remotes(registry_server: RegistryServer, repository: GitRepository) -> AsyncIterator[Remotes]:
    """Return a registry and an infrastructure repository."""
    async with Registry(registry_server.url, "owner/service") as registry:
        # A registry that is a service needs no public base; nothing is pushed to it without an engine.
        destination = Destination("127.0.0.1", cast("dagger.Service", "of no engine"))
        yield Remotes(registry, Infrastructure(repository.url), destination)


@pytest.fixture
def line() -> ReleaseLine:
    """Return the image and the version line of the tests."""
    return ReleaseLine.parse("owner/service", "v1.0")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_PAUSE", 0.5)
    monkeypatch.setattr(record, "WAIT", 1.0)
    monkeypatch.setattr(record, "_PAUSE", 0.1)
