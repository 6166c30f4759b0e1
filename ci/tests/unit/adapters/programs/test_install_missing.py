"""The program that adds the test tools, with a real uv and wheels of this machine."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.unit.adapters.packages import Environment, wheel

from stage_ci.adapters.programs import install_missing

TOOLS: Final = ("pytest==9.2.0", "pytest-cov==7.1.0")


def add(environment: Environment) -> subprocess.CompletedProcess[str]:
    """Run the program with the interpreter of the environment."""
    return environment.run("python", str(Path(install_missing.__file__)), *TOOLS)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Return an environment beside wheels of two versions of pytest and what depends on it."""
    folder = tmp_path / "wheels"
    for version in ("8.4.2", "9.2.0"):
        wheel(folder, "pytest", version)
    wheel(folder, "pytest-cov", "6.0.0", "pytest>=6")
    wheel(folder, "pytest-cov", "7.1.0", "pytest>=9")
    wheel(folder, "pytest-asyncio", "1.0.0", "pytest<9")
    return Environment(tmp_path)


@pytest.mark.parametrize(
    ("present", "installed"),
    [
        ([], ["pytest==9.2.0", "pytest-cov==7.1.0"]),
        (["pytest==9.2.0"], ["pytest==9.2.0", "pytest-cov==7.1.0"]),
        (["pytest==8.4.2"], ["pytest==8.4.2", "pytest-cov==6.0.0"]),
        (["pytest-cov==6.0.0", "pytest==8.4.2"], ["pytest==8.4.2", "pytest-cov==6.0.0"]),
        (["pytest-asyncio"], ["pytest==8.4.2", "pytest-asyncio==1.0.0", "pytest-cov==6.0.0"]),
    ],
    ids=["nothing", "half", "an older one", "all", "by a plugin"],
)
def test_what_is_missing_is_installed_beside_what_is_not(
    environment: Environment, present: list[str], installed: list[str]
) -> None:
    """The versions of the source stay, and a pinned version that does not fit them gives way."""
    if present:
        assert environment.install(*present).returncode == 0
    done = add(environment)
    assert done.returncode == 0, done.stderr
    assert environment.installed == installed


def test_a_package_that_cannot_be_installed_fails_with_the_reason(environment: Environment, tmp_path: Path) -> None:
    """The exit status and the error are uv's."""
    shutil.rmtree(tmp_path / "wheels")
    (tmp_path / "wheels").mkdir()
    done = add(environment)
    assert done.returncode
    assert "No solution found" in done.stderr


def test_names_are_compared_as_an_index_compares_them() -> None:
    """Case, dots, dashes and underscores in the names of installed packages do not matter."""
    assert install_missing.missing(TOOLS, {"PyTest_Cov": "1", "pytest.xdist": "1"}) == {"pytest": "pytest==9.2.0"}
    assert install_missing.missing(TOOLS, {"pytest-cov": "1", "PYTEST": "1"}) == {}
