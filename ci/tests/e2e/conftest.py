"""Fixtures of the end-to-end tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import MINIMAL_SERVICE, Rehearsal, start, wait_for
from environment import Environment, Servers, serve_registry, start_environment, start_servers

# Fixtures that the tests of a file share. With `--dist=loadgroup`, pytest-xdist runs each group of tests in one worker.
SHARED: Final = {"mlflow", "released_servers", "servers"}
# The files with the longest tests, which start first, so that no worker is left with one of them at the end.
LONGEST: Final = ("test_mlflow.py", "test_stage.py", "test_canary.py", "test_sibling.py", "test_faults_release.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by their duration, and group those that share a fixture of their file."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONGEST)))
    for item in items:
        if isinstance(item, pytest.Function) and SHARED.intersection(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def created() -> Iterator[list[Rehearsal]]:
    """The rehearsals that this run has created; all of them are reset at its end."""
    rehearsals: list[Rehearsal] = []
    yield rehearsals
    for process in [start("rehearsal", "reset", config=rehearsal.config) for rehearsal in rehearsals]:
        call = wait_for(process)
        assert call.status == 0, call.stderr


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
