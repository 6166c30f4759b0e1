"""`make stage` in a new clone, on a machine that has Docker and the dagger CLI."""

import logging
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import Call
from remote_engine import Runner, create_runner, join_network
from tests.docker.daemon import Docker, running_docker
from tests.docker.engine_image import build_engine_image, serve_stand_ins, setting

LOGGER: Final = logging.getLogger(__name__)
LIMIT: Final = 1500  # seconds; the first stage of a new engine installs everything


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """Docker with the image of the engine."""
    # Not tmp_path, which pytest keeps: this folder has gigabytes, and the path of the socket must be short.
    with tempfile.TemporaryDirectory(prefix="stage-docker-") as name, join_network() as network:
        folder = Path(name)
        with (
            serve_stand_ins(network, folder / "registry.log") as registry,
            running_docker(folder, network) as docker,
        ):
            began = time.monotonic()
            build_engine_image(docker, registry, folder / "image")
            LOGGER.info("the image of the engine took %.0f s", time.monotonic() - began)
            yield docker


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A user with a new clone and an empty home."""
    return create_runner(tmp_path_factory.mktemp("user"))


def make_stage(user: Runner, docker: Docker, *words: str) -> Call:
    """Run `make stage WORDS` in the clone of a user who has Docker and the dagger CLI on the PATH."""
    programs = user.home / "bin"
    if not programs.exists():
        programs.mkdir()
        (programs / "dagger").symlink_to(f"{setting('LIBEXEC')}/dagger")
        (programs / "docker").symlink_to(docker.programs / "docker")
    # No path, so that `ci/engine/up` fails: it must not be called.
    variables = {"STAGE_ENGINE_STATE": "unused", "HOME": str(user.home), **docker.variables}
    variables["PATH"] = f"{programs}:{setting('SYSTEM_PATH')}"
    command, began = ["make", "stage", *words], time.monotonic()
    done = subprocess.run(
        command, cwd=user.clone, env=variables, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    LOGGER.info("%s took %.0f s:\n%s", " ".join(command), time.monotonic() - began, done.stdout)
    return Call(done.returncode, done.stdout, done.stderr)


def test_a_new_clone_releases_with_the_engine_that_dagger_starts_with_docker(docker: Docker, user: Runner) -> None:
    """A stage of a new clone starts an engine in Docker, and releases with it."""
    call = make_stage(user, docker)
    assert "using the engine that dagger starts with docker" in call.stderr
    assert call.status == 0, call.stderr
    assert "\nReleased: docker.io/medhedimaaroufi/callcenterai-svm:v1.0.1@sha256:" in call.stdout
    assert docker("ps", "--format={{.Names}}").split() == [f"dagger-engine-{setting('ENGINE_VERSION')}"]


def test_an_engine_that_was_stopped_keeps_its_releases(docker: Docker, user: Runner) -> None:
    """A stage after a restart of the engine's container finds the release of the stage before."""
    docker("stop", f"dagger-engine-{setting('ENGINE_VERSION')}")
    release = make_stage(user, docker, "ARGS=--format=json").release
    assert release["version"] == "v1.0.1"
    assert release["outcome"] == "already-released"
