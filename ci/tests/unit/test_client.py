"""How ci/engine/client chooses the engine that `make` uses."""

import os
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "engine" / "client"
HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return the first folder on the PATH, which holds a dagger command of the expected version."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program(folder, "dagger", "echo dagger v0.19.10")
    return folder


def program(folder: Path, name: str, script: str) -> None:
    """Write an executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def client(programs: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the client with a state folder of the test, which does not exist unless the client sets up an engine."""
    environment = {name: value for name, value in os.environ.items() if name != HOST}
    environment |= {"PATH": f"{programs}:/usr/bin:/bin", "STAGE_ENGINE_STATE": str(programs.parent / "state")}
    return subprocess.run([CLIENT], env=environment | variables, capture_output=True, text=True, check=False)


def test_an_engine_named_by_the_variable_is_used(programs: Path) -> None:
    """An engine that the environment names is used: the client builds and exports nothing."""
    result = client(programs, **{HOST: "tcp://engine.example:1234"})
    assert (result.returncode, result.stdout) == (0, "")
    assert "using the engine at tcp://engine.example:1234" in result.stderr
    assert not (programs.parent / "state").exists()


def test_a_container_runtime_that_answers_is_used(programs: Path) -> None:
    """If Docker answers, the client leaves the engine to the dagger command: it builds and exports nothing."""
    program(programs, "docker", "exit 0")
    result = client(programs)
    assert (result.returncode, result.stdout) == (0, "")
    assert "using the engine that dagger starts with docker" in result.stderr
    assert not (programs.parent / "state").exists()


def test_a_container_runtime_that_is_stopped_is_named(programs: Path) -> None:
    """If Docker is installed but does not answer, the client says so before it turns to the engine of this project."""
    program(programs, "docker", "exit 1")
    program(programs, "go", "exit 1")
    result = client(programs)
    assert result.returncode != 0
    assert "docker is installed, but `docker version` fails: start it if it should run the engine" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_a_container_runtime_without_the_command_is_named(programs: Path) -> None:
    """If Docker answers but there is no dagger command, the client says what to install."""
    (programs / "dagger").unlink()
    program(programs, "docker", "exit 0")
    program(programs, "go", "exit 1")
    result = client(programs)
    assert result.returncode != 0
    assert "docker answers, but the dagger command is not installed: install the dagger CLI v0.19.10" in result.stderr


def test_another_version_of_the_command_prints_a_warning(programs: Path) -> None:
    """A dagger command of another version is used, with a warning that names both versions."""
    program(programs, "dagger", "echo dagger v0.18.0")
    program(programs, "docker", "exit 0")
    result = client(programs)
    assert result.returncode == 0
    assert "warning: " in result.stderr
    assert "/dagger is v0.18.0, but this project is tested with v0.19.10" in result.stderr


def test_a_named_engine_without_the_command_is_an_error(programs: Path) -> None:
    """Without a dagger command, an engine that the environment names gives one line with step, cause and remedy."""
    (programs / "dagger").unlink()
    result = client(programs, **{HOST: "tcp://engine.example:1234"})
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr == (
        f"error: choosing an engine: {HOST} is set to tcp://engine.example:1234, "
        "but there is no dagger command on the PATH; install the dagger CLI v0.19.10, or unset the variable\n"
    )
