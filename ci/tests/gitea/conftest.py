"""A Gitea server for all tests, with a user who may write, and one who may only read."""

from __future__ import annotations

import gc
import itertools
from typing import TYPE_CHECKING, Final

import pytest
from tests.gitea.forge import Forge, ForgeRepository, running_forge
from tests.unit.steps.deploying import FILE, manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE: Final = "owner/service"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Return the event loop that Dagger uses."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach the server past the proxy of the machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """Run the garbage collector after the tests of a file."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    """A running server with the users writer and reader."""
    with running_forge() as server:
        for name in ("writer", "reader"):
            server.user(name)
        yield server


@pytest.fixture(scope="session")
def token(forge: Forge) -> str:
    """The token of the writer, with the one scope that it needs."""
    return forge.token("writer", "write:repository")


@pytest.fixture(scope="session")
def create(forge: Forge) -> Callable[..., ForgeRepository]:
    """Return a function that creates a private repository with a manifest."""
    numbers = itertools.count()

    def create(**options: object) -> ForgeRepository:
        settings = {"private": True} | options
        repository = forge.repository(f"infra-{next(numbers)}", {str(FILE): manifest(f"{IMAGE}:v1.0.0")}, **settings)
        repository.collaborator("writer", "write")
        repository.collaborator("reader", "read")
        return repository

    return create


@pytest.fixture
def repository(create: Callable[..., ForgeRepository]) -> ForgeRepository:
    """A private repository with a manifest, of which the writer is a collaborator."""
    return create()
