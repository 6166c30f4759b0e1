"""An engine that dies during a release; runs alone, because it kills the engine of ci/engine."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

import httpx
import pytest
from cli import REPOSITORY, wait_for
from environment import Environment
from tests.servers.fault_proxy import Exchange
from tests.servers.loopback import Reply

RUNNER_HOST: Final = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"


@pytest.fixture
def pid_file() -> Path:
    """The file that holds the engine's process id."""
    address = os.environ.get(RUNNER_HOST, "")
    if not address.startswith("unix://"):
        pytest.fail(f"{RUNNER_HOST} does not name an engine of ci/engine; `make test-faults` starts one")
    return Path(address.removeprefix("unix://")).with_name("engine.pid")


@pytest.mark.serial
@pytest.mark.fault(40)
def test_a_release_is_completed_after_the_engine_died(env: Environment, pid_file: Path, source: Path) -> None:
    """If the engine dies during the upload, nothing is tagged, and the next run releases under the same version."""
    process = env.start_stage(source)
    engine = int(pid_file.read_text().split()[0])

    def kill_engine(_: Exchange) -> Reply:
        os.kill(engine, signal.SIGKILL)
        # Dagger's CLI 0.19.10 keeps waiting for a dead engine, so the test ends it, as docs/errors.md recommends.
        process.terminate()
        return Reply(stall=True)

    env.registry_proxy.script(r"^POST /v2/\S+/blobs/uploads/", kill_engine, times=1)
    assert wait_for(process).status != 0
    assert env.tags() == {}
    assert len(env.commits()) == 1

    subprocess.run([REPOSITORY / "ci" / "engine" / "client"], check=True, stdout=subprocess.DEVNULL)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert env.claims() == ["v1.0.1"]


@pytest.mark.serial
@pytest.mark.usefixtures("pid_file")
def test_no_user_of_the_machine_can_exchange_an_image() -> None:
    """The registry from which this engine pulls its images accepts no push, without which no tag can move."""
    registry = f"http://localhost:{os.environ.get('STAGE_ENGINE_REGISTRY_PORT', '5000')}/v2/library/python"
    present = httpx.get(f"{registry}/manifests/3.11-slim").raise_for_status()
    moved = httpx.put(f"{registry}/manifests/3.11-slim", content=present.content, headers=dict(present.headers))
    assert moved.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert httpx.post(f"{registry}/blobs/uploads/").status_code == httpx.codes.METHOD_NOT_ALLOWED
