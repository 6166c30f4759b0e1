"""Fixtures of the end-to-end tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cli import MINIMAL_SERVICE, Rehearsal, dagger, start, wait_for
from environment import Environment, Servers, start_environment, start_servers
from real_registry import serve_registry
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Files whose tests share a fixture, a result or an image, so that one worker runs all of them. Engine 0.19.10 may fail
# to mount the result of a command if two clients ask for it while it is being made.
SHARED: Final = {
    "test_help.py",
    "test_local_services.py",
    "test_mlflow.py",
    "test_rejected_releases.py",
    "test_scan.py",
    "test_vulnerability_database.py",
}
# The files with the longest tests, which start first, so that no worker is left with one of them at the end.
LONGEST: Final = ("test_mlflow.py", "test_train.py", "test_stage.py", "test_canary.py", "test_sibling.py")


class TestByTest(LoadScopeScheduling):  # type: ignore[misc] # a class without types
    """Hands out tests one by one, but the tests of a file in `SHARED` together.

    The option --dist=loadgroup of pytest-xdist 3.8.0 should do this, but has no effect with pytest 9.2.0.
    """

    __test__ = False  # pytest would collect the class by its name

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if Path(file).name in SHARED else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TestByTest:  # noqa: ANN401 - pytest-xdist's
    """Return the scheduler of a run with several workers."""
    return TestByTest(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by their duration."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def created() -> Iterator[list[Rehearsal]]:
    """The rehearsals that this run has created; all of them are reset at its end."""
    rehearsals: list[Rehearsal] = []
    yield rehearsals
    resets = [start("rehearsal", "reset", config=rehearsal.config) for rehearsal in rehearsals]
    calls = [wait_for(process) for process in resets]
    for rehearsal, call in zip(rehearsals, calls, strict=True):
        # Engine 0.19.10 may lose a client's session while many others end; a reset can be repeated.
        again = call if call.status == 0 else dagger("rehearsal", "reset", config=rehearsal.config)
        assert again.status == 0, again.stderr


def create_rehearsal(created: list[Rehearsal]) -> Rehearsal:
    """Return a new rehearsal and note it for the reset."""
    created.append(Rehearsal.unique())
    return created[-1]


@pytest.fixture
def rehearsal(created: list[Rehearsal]) -> Rehearsal:
    """A new rehearsal."""
    return create_rehearsal(created)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the minimal service's source, which a test may change."""
    return Path(shutil.copytree(MINIMAL_SERVICE, tmp_path / "service"))


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """Host and port of a registry on this machine that also holds the vulnerability database."""
    with serve_registry() as address:
        yield address


@pytest.fixture
def env(registry: str, tmp_path: Path) -> Iterator[Environment]:
    """A registry with a unique image and an infrastructure repository, both behind scriptable proxies."""
    with start_environment(registry, tmp_path) as env:
        yield env


@pytest.fixture(scope="module")
def servers(created: list[Rehearsal]) -> Iterator[Servers]:
    """A registry and a git server on ports of this machine."""
    with start_servers(create_rehearsal(created)) as servers:
        yield servers


@pytest.fixture(scope="module")
def released_servers(created: list[Rehearsal]) -> Iterator[Servers]:
    """The servers of a rehearsal that holds one release of the minimal service; no test may change them."""
    rehearsal = create_rehearsal(created)
    assert rehearsal.stage(MINIMAL_SERVICE).status == 0
    with start_servers(rehearsal) as servers:
        yield servers
