"""Runners that start with nothing, and the long-lived engine that they share over TCP."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import Call, wait_for
from remote_engine import RemoteEngine, Runner, create_runner, observe_containers, remote_engine, state_folder

LOGGER: Final = logging.getLogger(__name__)
STAGE: Final = ("call", "--rehearsal=remote", "stage", "--format=json")
# Words of the commands of the checks, of the build and of the push.
WORK: Final = (
    "black",
    "flake8",
    "isort",
    "/programs/run_tests.py",
    "trivy",
    "callcenterai_svm.train",
    "/push_archive.sh",
)

pytestmark = pytest.mark.slow


@pytest.fixture
def engine() -> Iterator[RemoteEngine]:
    """A second engine with an empty cache, which listens on TCP."""
    programs = state_folder()
    if programs is None:
        pytest.fail("the engine was not started by ci/engine; `make test-remote` starts one")
    with remote_engine(programs) as engine:
        yield engine


def stage(runner: Runner, engine: RemoteEngine) -> tuple[Call, set[str]]:
    """Stage the service on a remote engine; return the call, and the words of WORK in the commands of containers."""
    began = time.monotonic()
    with observe_containers(engine) as commands:
        call = wait_for(runner.start(engine, *STAGE))
    LOGGER.info(
        "a stage took %.1f s; its containers ran %d different commands", time.monotonic() - began, len(commands)
    )
    return call, {word for word in WORK if any(word in command for command in commands)}


def test_a_runner_without_a_cache_uses_that_of_a_remote_engine(engine: RemoteEngine, tmp_path: Path) -> None:
    """A runner with an empty home finds what another one released on the same engine, and runs no check again."""
    first, work = stage(create_runner(tmp_path / "first"), engine)
    assert first.release["outcome"] == "released"
    assert work == set(WORK)

    second, work = stage(create_runner(tmp_path / "second"), engine)
    assert second.release == first.release | {"outcome": "already-released"}
    assert work == set()
