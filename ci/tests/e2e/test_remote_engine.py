"""Runners that start with nothing, the long-lived engine that they share over TCP, and what it builds."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import MINIMAL_SERVICE, REPOSITORY, Call, Rehearsal, dagger, wait_for
from remote_engine import RemoteEngine, Runner, create_runner, observe_containers, remote_engine, state_folder

LOGGER: Final = logging.getLogger(__name__)
SOURCE: Final = MINIMAL_SERVICE.relative_to(REPOSITORY)
STAGE: Final = ("call", "--rehearsal=remote", "stage", f"--source={SOURCE}", "--format=json")
# Words of the commands that check and push an image. The module itself and the rehearsal's servers run in every stage.
WORK: Final = ("black", "flake8", "isort", "run_tests.py", "trivy", "probe.py", "copy_image.sh push")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine() -> Iterator[RemoteEngine]:
    """A second engine with an empty cache, which listens on TCP."""
    programs = state_folder()
    if programs is None:
        pytest.fail("the engine was not started by ci/engine; `make test-remote` starts one")
    with remote_engine(programs) as engine:
        yield engine


def stage(runner: Runner, engine: RemoteEngine) -> tuple[Call, set[str]]:
    """Stage the minimal service on a remote engine; return the call, and which words of WORK containers ran."""
    began = time.monotonic()
    with observe_containers(engine) as commands:
        call = wait_for(runner.start(engine, *STAGE))
    LOGGER.info("a stage took %.1f s and ran %d different commands", time.monotonic() - began, len(commands))
    return call, {word for word in WORK if any(word in command for command in commands)}


def test_a_runner_without_a_cache_uses_that_of_a_remote_engine(engine: RemoteEngine, tmp_path: Path) -> None:
    """A runner with an empty home finds what another one released on the same engine, and runs no check again."""
    first, work = stage(create_runner(tmp_path / "first"), engine)
    assert first.release["outcome"] == "released"
    assert work == set(WORK)

    second, work = stage(create_runner(tmp_path / "second"), engine)
    assert second.release == first.release | {"outcome": "already-released"}
    assert work == set()


@pytest.mark.fault(43)
def test_two_engines_build_the_same_image(engine: RemoteEngine, rehearsal: Rehearsal, tmp_path: Path) -> None:
    """The service of this repository gets one digest on two engines, which share no cache."""
    local = dagger("publish", config=rehearsal.config)
    assert local.status == 0, local.stderr
    remote = wait_for(create_runner(tmp_path).start(engine, "call", *rehearsal.config, "publish"))
    assert remote.status == 0, remote.stderr
    assert remote.stdout == local.stdout
