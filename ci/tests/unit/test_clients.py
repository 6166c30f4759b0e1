"""The module loads with newer versions of Dagger's client library than the engine's own, and registers the same."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.interface import RECORDED

from stage_ci.rules.requirement_file import read_requirements

CI: Final = Path(__file__).resolve().parents[2]
LOCKS: Final = sorted((CI / "tests/clients").glob("*.requirements"))
PROGRAM: Final = """\
from importlib.metadata import version
from tests.interface import describe
print(f"dagger-io=={version('dagger-io')}")
print(describe(), end="")
"""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_interface_is_the_same_with_another_client_library(lock: Path) -> None:
    """Loaded with another version of the client library, the module has the recorded interface and logs no warning."""
    environment = CI.parent / ".venv" / f"clients-{lock.stem}"
    assert environment.is_dir(), f"{environment} is missing: run `make .venv/{environment.name}.stamp`"
    python = [str(environment / "bin/python"), "-W", "error", "-c", PROGRAM]
    loaded = subprocess.run(
        python, cwd=CI, env=os.environ | {"PYTHONPATH": "src:."}, capture_output=True, text=True, check=False
    )
    library, _, interface = loaded.stdout.partition("\n")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert library in [str(pin) for pin in read_requirements(lock.read_text())]
    assert interface == RECORDED.read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_version_of_a_client_library_is_documented(lock: Path) -> None:
    """docs/pins.md states for the locked version of each client library whether the module loads."""
    [version] = re.findall(r"^dagger-io==(\S+)", lock.read_text(), re.MULTILINE)
    assert f"\n| {version} | loads" in (CI.parent / "docs/pins.md").read_text()


def test_the_newest_release_and_the_next_major_version_are_loaded() -> None:
    """There is a lock file for the series 0.21, which package managers install, and for 1.0."""
    assert [lock.stem for lock in LOCKS] == ["0.21", "1.0"]
