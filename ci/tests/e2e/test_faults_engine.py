"""An engine that is lost while it works: the test runs alone, on the engine of ci/engine, which it may kill."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.fault_proxy import Exchange
from tests.servers.loopback import Reply
from user import REPOSITORY, ended, put_artifact
from world import World, world

RUNNER = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
DATABASE = REPOSITORY / "ci" / "src" / "stage_ci" / "adapters" / "trivy-db.tar.gz"


@pytest.fixture
def pid_file() -> Path:
    """Where the engine's number stands."""
    address = os.environ.get(RUNNER, "")
    if not address.startswith("unix://"):
        pytest.fail(f"{RUNNER} names no engine of this project: `make test-faults` starts one")
    return Path(address.removeprefix("unix://")).with_name("engine.pid")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    """A registry that outlives the engine: the one that ci/engine fills with its images."""
    registry = f"localhost:{os.environ.get('STAGE_ENGINE_REGISTRY_PORT', '5000')}"
    layer = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
    put_artifact(registry, "aquasec/trivy-db:2", layer, DATABASE.read_bytes(), "db.tar.gz")
    with world(registry, tmp_path) as own:
        yield own


@pytest.mark.alone
@pytest.mark.fault(40)
def test_an_engine_that_is_lost_is_no_lost_release(own: World, pid_file: Path, service: Path) -> None:
    """SIGKILL during the upload: nothing is tagged, and the next run, on a new engine, takes the same number."""
    running = own.started(service)
    number = int(pid_file.read_text().split()[0])

    def lose(_: Exchange) -> Reply:
        os.kill(number, signal.SIGKILL)
        # Dagger's CLI 0.19.10 waits on for an engine that is gone: whoever started it ends it.
        running.terminate()
        return Reply(stall=True)

    own.registry.script(r"^POST /v2/\S+/blobs/uploads/", lose, times=1)
    assert ended(running).status != 0
    assert own.tags() == {}
    assert len(own.commits()) == 1

    subprocess.run([REPOSITORY / "ci" / "engine" / "client"], check=True, stdout=subprocess.DEVNULL)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert own.claims() == ["v1.0.1"]
