"""What the end-to-end tests share."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from user import REPOSITORY, SERVICE, Rehearsal, Servers, shown


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
    used.append(Rehearsal(f"test-{uuid.uuid4().hex[:12]}"))
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


@pytest.fixture(scope="module")
def servers(used: list[Rehearsal]) -> Iterator[Servers]:
    """A registry and a git server on ports of this machine."""
    own = f"--name={fresh(used).name}"
    with (
        shown("rehearsal", own, "registry", port=5000) as registry,
        shown("rehearsal", own, "infrastructure", port=8080) as infrastructure,
    ):
        yield Servers(used[-1].name, registry, infrastructure)
