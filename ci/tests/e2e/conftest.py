"""What the end-to-end tests share."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from user import REPOSITORY, SERVICE, Rehearsal, Servers, mirror, shown
from world import World, world


@pytest.fixture(scope="session")
def used() -> Iterator[list[Rehearsal]]:
    """The rehearsals of this run, all of them emptied at its end."""
    names: list[Rehearsal] = []
    yield names
    resets = [["dagger", "call", "rehearsal", f"--name={used.name}", "reset"] for used in names]
    for running in [subprocess.Popen(reset, cwd=REPOSITORY, stderr=subprocess.DEVNULL) for reset in resets]:
        assert running.wait() == 0


def fresh(used: list[Rehearsal]) -> Rehearsal:
    """Return a rehearsal that nobody else uses."""
    used.append(Rehearsal.fresh())
    return used[-1]


@pytest.fixture
def rehearsal(used: list[Rehearsal]) -> Rehearsal:
    """A rehearsal of the test's own."""
    return fresh(used)


@pytest.fixture(scope="module")
def released(used: list[Rehearsal]) -> Rehearsal:
    """A rehearsal that holds one release of the smallest service, for tests that must not change it."""
    own = fresh(used)
    assert own.stage(SERVICE).status == 0
    return own


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The source of the smallest service, to be changed at will."""
    return Path(shutil.copytree(SERVICE, tmp_path / "service"))


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """Host and port of a registry on this machine, which holds the vulnerability database as a mirror does."""
    with mirror() as address:
        yield address


@pytest.fixture
def own(registry: str, tmp_path: Path) -> Iterator[World]:
    """An image of the test's own, with a registry and a git server that a test can script."""
    with world(registry, tmp_path) as own:
        yield own


@pytest.fixture(scope="module")
def servers(used: list[Rehearsal]) -> Iterator[Servers]:
    """A registry and a git server on ports of this machine."""
    own = f"--name={fresh(used).name}"
    with (
        shown("rehearsal", own, "registry", port=5000) as registry,
        shown("rehearsal", own, "infrastructure", port=8080) as infrastructure,
    ):
        yield Servers(used[-1].name, registry, infrastructure)
