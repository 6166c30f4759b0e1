"""Interruptions between a claim and its commit: killed runs, races, failed uploads and wrong digests.

`tests/unit/steps/test_killed_runs.py` kills runs between two requests of the module itself.
"""

import json
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from cli import REPOSITORY, Call, dagger, make_source, wait_for
from environment import GIT_PUSH, PASSWORD, USERNAME, Environment, start_environment
from real_registry import push_tags
from soak import run_wave
from soak_invariants import Invariants
from test_faults_records import push_copy
from tests.servers.fault_proxy import Exchange, after, answers, before, changes, passes
from tests.servers.loopback import Reply
from tests.servers.registry import TokenService, basic

# https://distribution.github.io/distribution/spec/api/#pushing-an-image
UPLOAD: Final = r"^(POST|PATCH|PUT) /v2/\S+/blobs/uploads/"
UPLOAD_LAYER: Final = r"^PATCH /v2/\S+/blobs/uploads/"
PUT_BY_DIGEST: Final = r"^PUT /v2/\S+/manifests/sha256:"
PUT_TAG: Final = r"^PUT /v2/\S+/manifests/v1"
NORMALIZE: Final = REPOSITORY / "ci/src/stage_ci/adapters/programs/normalize_archive.py"
OTHER_DIGEST: Final = "sha256:" + "f" * 64


@dataclass(frozen=True)
class Moment:
    """A moment of a run, given by a request that it sends.

    Attributes:
        request: Pattern of the request.
        skipped: Number of earlier requests that match as well.
    """

    request: str
    skipped: int = 0


def has_all_blobs(env: Environment, tag: str) -> bool:
    """Return whether the registry holds every blob of a tag's image manifest."""
    manifest = env.image_manifest(tag).json()
    address = f"http://{env.registry_address}/v2/{env.image}/blobs/"
    parts = [manifest["config"], *manifest["layers"]]
    return all(httpx.head(address + part["digest"], timeout=60).is_success for part in parts)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(Moment(UPLOAD, skipped=3), id="uploading", marks=pytest.mark.slow),
        pytest.param(Moment(PUT_BY_DIGEST), id="pushed"),
        pytest.param(Moment(GIT_PUSH, skipped=2), id="deployed", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_is_completed_by_the_next_run(env: Environment, source: Path, moment: Moment) -> None:
    """After a run was killed, the next run completes its release: one version, one claim, one commit."""
    process = env.start_stage(source)
    killed = threading.Event()

    def kill(exchange: Exchange) -> Reply:
        exchange.forward()
        process.kill()
        killed.set()
        return Reply(reset=True)

    proxy = env.git_proxy if moment.request == GIT_PUSH else env.registry_proxy
    proxy.script(moment.request, passes, times=moment.skipped)
    proxy.script(moment.request, kill, times=1)
    wait_for(process)
    assert killed.is_set()

    call = env.stage(source, "--format=json")
    env.assert_released(call, "v1.0.1")
    assert env.claims() == ["v1.0.1"]
    assert list(env.tags()) == ["v1.0.1"]
    assert len(env.commits()) == 1 + 1


@pytest.mark.fault(40)
def test_an_interrupted_run_is_completed_by_the_next_run(env: Environment, source: Path) -> None:
    """A run that is interrupted during the upload tags nothing, and the next run releases under the same version."""
    process = env.start_stage(source)
    env.registry_proxy.script(UPLOAD, before(lambda: process.send_signal(signal.SIGINT)), times=1)
    assert wait_for(process).status != 0
    assert env.tags() == {}
    assert len(env.commits()) == 1
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert env.claims() == ["v1.0.1"]


@pytest.mark.slow
@pytest.mark.fault(9)
def test_an_expired_registry_token_is_replaced(registry: str, tmp_path: Path, source: Path) -> None:
    """Registry tokens that expire between listing and pushing are requested again, once for each client."""
    tokens = TokenService(basic(USERNAME, PASSWORD))
    with start_environment(registry, tmp_path, tokens.filter) as env:
        env.git_proxy.script(GIT_PUSH, after(tokens.expire), times=1)
        call = env.stage(source, "--format=json")
        env.assert_released(call, "v1.0.1")
    assert PASSWORD not in call.stderr
    # One to list, one after the expiry, one for skopeo, one to write the tag.
    assert tokens.given <= 4


@pytest.mark.fault(5)
def test_the_first_release_needs_no_repository(registry: str, tmp_path: Path, source: Path) -> None:
    """A registry that answers 401 until the first push, as Docker Hub does, gets the first release."""
    tokens = TokenService(basic(USERNAME, PASSWORD), hides=True)
    with start_environment(registry, tmp_path, tokens.filter) as env:
        env.assert_released(env.stage(source, "--format=json"), "v1.0.1")


@pytest.mark.slow
@pytest.mark.fault(10)
@pytest.mark.parametrize("moment", ["claimed", "pushing"])
def test_a_tag_that_appears_during_the_run_is_not_overwritten(env: Environment, source: Path, moment: str) -> None:
    """If another client pushes v1.0.1 after the run has claimed it, the run releases v1.0.2."""
    push_other_image = after(lambda: push_tags(env.registry_address, env.image, "v1.0.1"))
    if moment == "claimed":
        env.git_proxy.script(GIT_PUSH, push_other_image, times=1)
    else:
        env.registry_proxy.script(UPLOAD, push_other_image, times=1)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.2")
    assert list(env.tags()) == ["v1.0.1", "v1.0.2"]
    assert env.tags()["v1.0.1"] != env.tags()["v1.0.2"]


@pytest.mark.slow
@pytest.mark.fault(11)
def test_concurrent_runs_of_three_sources_release_three_versions(env: Environment, tmp_path: Path) -> None:
    """Three sources that are staged at once get a version each, and the manifest names the highest."""
    calls = stage_at_once(env, [make_source(tmp_path, number) for number in range(3)])
    versions = {call.release["version"] for call in calls}
    assert versions == {"v1.0.1", "v1.0.2", "v1.0.3"}
    assert {call.release["version"]: call.release["digest"] for call in calls} == env.tags()
    assert f"image: {env.image}:v1.0.3 " in env.read_file()


@pytest.mark.fault(12)
def test_concurrent_runs_of_one_source_release_one_version(env: Environment, source: Path) -> None:
    """One source that is staged three times at once gets one version with one digest and one commit."""
    calls = stage_at_once(env, [source] * 3)
    assert {(call.release["version"], call.release["digest"]) for call in calls} == set(env.tags().items())
    assert list(env.tags()) == env.claims() == ["v1.0.1"]
    assert len(env.commits()) == 1 + 1


@pytest.mark.slow
@pytest.mark.fault(11, 12)
def test_twenty_concurrent_runs_release_a_version_for_each_source(env: Environment, tmp_path: Path) -> None:
    """Twenty runs of one source release one version, and twenty of twenty sources twenty, each with its own digest."""
    invariants = Invariants()
    run_wave(env, invariants, [make_source(tmp_path, 0)])  # uploads the layers that all images share
    run_wave(env, invariants, [make_source(tmp_path, 1)] * 20)
    run_wave(env, invariants, [make_source(tmp_path, number) for number in range(2, 22)])
    assert invariants.hold, invariants.counts()
    assert (len(invariants.runs), len(env.tags())) == (41, 22)
    assert set(env.claims()) == set(env.records()) == set(env.tags())


@pytest.mark.slow
@pytest.mark.fault(12)
def test_different_builds_of_the_same_inputs_are_one_version(env: Environment, source: Path, tmp_path: Path) -> None:
    """Two runs at once that build different images of the same inputs release one of them, and so does a third run.

    Inputs have the modes that git stores, but a layer has all bits of a mode.
    """
    other = Path(shutil.copytree(source, tmp_path / "other"))
    (other / "src" / "service" / "__init__.py").chmod(0o664)
    calls = stage_at_once(env, [source, other])
    (released,) = {(call.release["version"], call.release["digest"]) for call in calls}
    assert env.tags() == {"v1.0.1": released[1]}
    assert env.claims() == env.records() == ["v1.0.1"]
    for again in (source, other):
        call = env.stage(again)
        assert call.stdout.startswith(f"Already released: docker.io/{env.image}:v1.0.1@{released[1]}\n"), call.stderr
    built = {archive_digest(each, tmp_path / f"{each.name}.tar") for each in (source, other)}
    assert len(built) == 2
    assert released[1] in built


def stage_at_once(env: Environment, sources: list[Path]) -> list[Call]:
    """Stage all ``sources`` concurrently and return the calls in their order."""
    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(lambda source: env.stage(source, "--format=json"), sources))


def archive_digest(source: Path, path: Path) -> str:
    """Build the image of a source again, without the times of its build; return the digest of its image manifest."""
    call = dagger("build", f"--source={source}", "as-tarball", "export", f"--path={path}")
    assert call.status == 0, call.stderr
    program = [sys.executable, str(NORMALIZE), str(path), f"{path}.normalized"]
    digests = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    return str(digests["manifest"])


@pytest.mark.slow
@pytest.mark.fault(14)
def test_a_failed_upload_is_retried(env: Environment, source: Path) -> None:
    """After the upload of a layer has failed once, the run uploads it again and releases the complete image."""
    env.registry_proxy.script(UPLOAD_LAYER, answers(500), times=1)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert has_all_blobs(env, "v1.0.1")


@pytest.mark.slow
@pytest.mark.fault(14)
def test_an_upload_that_keeps_failing_leaves_no_tag(env: Environment, source: Path) -> None:
    """If the registry accepts no layer, the run fails without a tag, and a later run completes the release."""
    env.registry_proxy.script(UPLOAD_LAYER, answers(500))
    call = env.stage(source)
    assert call.status != 0
    assert f"pushing {env.image} to " in call.error
    assert env.tags() == {}
    assert len(env.commits()) == 1

    env.registry_proxy.lift(UPLOAD_LAYER)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert has_all_blobs(env, "v1.0.1")


@pytest.mark.slow
@pytest.mark.fault(15)
@pytest.mark.parametrize("other", ["reported", "copied"])
def test_a_tag_with_another_digest_is_not_deployed(env: Environment, source: Path, other: str) -> None:
    """If the registry reports another digest for the tag than was pushed, the run fails and deploys nothing.

    The other image may have the labels of the pushed one.
    """
    if other == "reported":
        env.registry_proxy.script(r"^HEAD /v2/\S+/manifests/v1", changes("Docker-Content-Digest", OTHER_DIGEST))
    else:
        env.registry_proxy.script(PUT_TAG, after(lambda: push_copy(env, "v1.0.1")), times=1)
    call = env.stage(source)
    assert call.status != 0
    digest = OTHER_DIGEST if other == "reported" else env.tags()["v1.0.1"]
    assert f":v1.0.1 is {digest} after sha256:" in call.error
    assert "nothing was deployed" in call.error
    assert env.records() == []
    assert len(env.commits()) == 1
    assert "v1.0.1" not in env.read_file()
