"""Runs that are killed between two requests: the next run completes the release."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import passes
from tests.servers.loopback import Reply
from tests.servers.registry import registry_proxy
from tests.unit.steps.deploying import FILE, manifest
from tests.unit.steps.releasing import push_untagged, release

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.steps.remotes import Remotes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.fault_proxy import Exchange, FaultProxy
    from tests.servers.git import GitProxy, GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.reference import Digest
    from stage_ci.rules.release import ReleaseLine

CI: Final = Path(__file__).resolve().parents[3]
# The request that pushes a claim or a commit: https://git-scm.com/docs/http-protocol
GIT_PUSH: Final = r"^POST \S+/git-receive-pack$"
PUT_BY_TAG: Final = r"^PUT /v2/\S+/manifests/v1\.0\.1$"


@dataclass(frozen=True)
class Moment:
    """A moment of a run, given by a request that it sends.

    Attributes:
        request: Pattern of the request.
        skipped: Number of earlier requests that match as well.
        done: Whether the server handles the request before the moment.
    """

    request: str
    skipped: int = 0
    done: bool = True


@pytest.fixture
def proxy(registry_server: RegistryServer) -> Iterator[FaultProxy]:
    """Return a proxy in front of the registry."""
    with registry_proxy(f"127.0.0.1:{registry_server.port}") as proxy:
        yield proxy


def start_release(registry: FaultProxy, repository_url: str, token: str, pushed: Digest) -> subprocess.Popen[bytes]:
    """Start a release in a process of its own."""
    command = [sys.executable, "-m", "tests.unit.steps.releasing"]
    command += [f"http://{registry.address}", repository_url, token, str(pushed)]
    variables = os.environ | {"PYTHONPATH": f"{CI / 'src'}{os.pathsep}{CI}"}
    return subprocess.Popen(command, cwd=CI, env=variables, stderr=subprocess.DEVNULL)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(Moment(GIT_PUSH), id="claimed"),
        pytest.param(Moment(PUT_BY_TAG), id="tagged"),
        pytest.param(Moment(GIT_PUSH, skipped=1), id="recorded"),
        pytest.param(Moment(GIT_PUSH, skipped=2, done=False), id="committed"),
        pytest.param(Moment(GIT_PUSH, skipped=2), id="deployed"),
    ],
)
async def test_a_killed_run_is_completed_by_the_next_run(  # noqa: PLR0913, PLR0917 - both remotes and their servers
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    proxy: FaultProxy,
    repository: GitRepository,
    http_git: GitProxy,
    token: str,
    moment: Moment,
) -> None:
    """After a run was killed, the next run completes its release: one version, one claim, one commit."""
    tip = repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    pushed = push_untagged(registry_server)
    url = http_git.url(repository)
    server = http_git if moment.request == GIT_PUSH else proxy
    killed = threading.Event()

    def kill(exchange: Exchange) -> Reply:
        if moment.done:
            exchange.forward()
        process.kill()
        killed.set()
        return Reply(reset=True)

    server.script(moment.request, passes, times=moment.skipped)
    server.script(moment.request, kill, times=1)
    with start_release(proxy, url, token, pushed) as process:
        process.wait(timeout=60)
    assert killed.is_set()

    over_http = Remotes(remotes.registry, Infrastructure(url, token), remotes.destination)
    version, digest, deployed = await release(over_http, line, pushed)
    assert (str(version), digest) == ("v1.0.1", pushed)
    assert registry_server.tags == {"v1.0.1": str(pushed)}
    claims = repository.git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/claims/").split()
    records = repository.git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/records/").split()
    assert claims == records == ["v1.0.1"]
    assert repository.git("rev-parse", "main", "main^").split() == [deployed.commit, tip]
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.1")
