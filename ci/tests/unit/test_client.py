"""Which engine `make` uses, decided by ci/engine/client from what the machine has."""

import os
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "engine" / "client"
HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder that goes first on the PATH, with a dagger of the right version."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder, "dagger", "echo dagger v0.19.10")
    return folder


def program(folder: Path, name: str, does: str) -> None:
    """Put a small program into a folder."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def client(programs: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Ask which engine is used, on a machine whose own engine would lie in a folder of the test."""
    environment = {name: value for name, value in os.environ.items() if name != HOST}
    environment |= {"PATH": f"{programs}:/usr/bin:/bin", "STAGE_ENGINE_STATE": str(programs.parent / "state")}
    return subprocess.run([CLIENT], env=environment | variables, capture_output=True, text=True, check=False)


def test_an_engine_that_is_named_is_used_as_it_is(programs: Path) -> None:
    """Nothing is built and nothing exported: the shell has all it needs."""
    asked = client(programs, **{HOST: "tcp://engine.example:1234"})
    assert (asked.returncode, asked.stdout) == (0, "")
    assert "using the engine at tcp://engine.example:1234" in asked.stderr
    assert not (programs.parent / "state").exists()


def test_a_container_runtime_that_answers_is_used(programs: Path) -> None:
    """The dagger command starts its own engine in it."""
    program(programs, "docker", "exit 0")
    asked = client(programs)
    assert (asked.returncode, asked.stdout) == (0, "")
    assert "using the engine that dagger starts with docker" in asked.stderr
    assert not (programs.parent / "state").exists()


def test_another_version_of_the_command_is_told(programs: Path) -> None:
    """It may work; who wonders later finds the reason above."""
    program(programs, "dagger", "echo dagger v0.18.0")
    program(programs, "docker", "exit 0")
    asked = client(programs)
    assert asked.returncode == 0
    assert "is v0.18.0, this project is tested with v0.19.10" in asked.stderr


def test_a_named_engine_without_the_command_is_an_error(programs: Path) -> None:
    """One line with step, cause and remedy."""
    (programs / "dagger").unlink()
    asked = client(programs, **{HOST: "tcp://engine.example:1234"})
    assert asked.returncode != 0
    assert asked.stdout == ""
    assert "install the dagger CLI v0.19.10" in asked.stderr
