"""What the end-to-end tests share."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from user import SERVICE, Rehearsal, Servers, dagger, shown


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """A rehearsal that nobody else uses, emptied at the end."""
    own = Rehearsal(f"test-{uuid.uuid4().hex[:12]}")
    yield own
    own.look("reset")


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The source of the smallest service, to be changed at will."""
    return Path(shutil.copytree(SERVICE, tmp_path / "service"))


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A registry and a git server on ports of this machine."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    with (
        shown("rehearsal", f"--name={name}", "registry", port=5000) as registry,
        shown("rehearsal", f"--name={name}", "infrastructure", port=8080) as infrastructure,
    ):
        yield Servers(name, registry, infrastructure)
    dagger("rehearsal", f"--name={name}", "reset")
