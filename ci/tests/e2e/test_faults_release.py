"""What happens to a release between its claim and its commit: kills, races, lost lines, servers that lie."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.servers.fault_proxy import Exchange, after, answers, before, changes, passes
from tests.servers.loopback import Reply
from tests.servers.registry import TokenService, basic
from user import Call, changed, ended, tagged
from world import PASSWORD, PUSH, USERNAME, World, world

UPLOAD = r"^(POST|PATCH|PUT) /v2/\S+/blobs/uploads/"
LAYER = r"^PATCH /v2/\S+/blobs/uploads/"
BY_DIGEST = r"^PUT /v2/\S+/manifests/sha256:"
BY_TAG = r"^PUT /v2/\S+/manifests/v1\.0\.1$"
FOREIGN = "sha256:" + "f" * 64


@dataclass(frozen=True)
class Point:
    """A moment of a run.

    Attributes:
        request: What is asked of a server then.
        skipped: How many requests of this kind go before.
        done: Whether the server has done what it was asked.
    """

    request: str
    skipped: int = 0
    done: bool = True


def blobs_are_there(own: World, tag: str) -> bool:
    """Return whether the registry holds everything that the image of ``tag`` is made of."""
    manifest = own.manifest(tag).json()
    address = f"http://{own.behind}/v2/{own.image}/blobs/"
    parts = [manifest["config"], *manifest["layers"]]
    return all(httpx.head(address + part["digest"], timeout=60).is_success for part in parts)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "point",
    [
        pytest.param(Point(PUSH), id="claimed"),
        pytest.param(Point(UPLOAD, skipped=3), id="uploading"),
        pytest.param(Point(BY_DIGEST), id="pushed"),
        pytest.param(Point(BY_TAG), id="tagged"),
        pytest.param(Point(PUSH, skipped=1, done=False), id="committed"),
        pytest.param(Point(PUSH, skipped=1), id="deployed"),
    ],
)
def test_a_run_that_is_killed_is_finished_by_the_next(own: World, service: Path, point: Point) -> None:
    """SIGKILL when the server has done what was asked, or before: one version, one claim, one commit."""
    running = own.started(service)
    killed = threading.Event()

    def kill(exchange: Exchange) -> Reply:
        if point.done:
            exchange.forward()
        running.kill()
        killed.set()
        return Reply(reset=True)

    proxy = own.git if point.request == PUSH else own.registry
    proxy.script(point.request, passes, times=point.skipped)
    proxy.script(point.request, kill, times=1)
    ended(running)
    assert killed.is_set()

    call = own.stage(service, "--format=json")
    own.require(call, "v1.0.1")
    assert own.claims() == ["v1.0.1"]
    assert list(own.tags()) == ["v1.0.1"]
    assert len(own.commits()) == 1 + 1


@pytest.mark.fault(40)
def test_a_run_that_is_interrupted_is_finished_by_the_next(own: World, service: Path) -> None:
    """Ctrl-C during the upload: nothing is tagged, and the next run takes the same number."""
    running = own.started(service)
    own.registry.script(UPLOAD, before(lambda: running.send_signal(2)), times=1)
    assert ended(running).status != 0
    assert own.tags() == {}
    assert len(own.commits()) == 1
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert own.claims() == ["v1.0.1"]


@pytest.mark.fault(9)
def test_a_token_that_expires_between_listing_and_pushing_is_replaced(
    registry: str, tmp_path: Path, service: Path
) -> None:
    """Every token is taken back when the claim is made; each side asks for one more."""
    tokens = TokenService(basic(USERNAME, PASSWORD))
    with world(registry, tmp_path, tokens.filter) as own:
        own.git.script(PUSH, after(tokens.expire), times=1)
        call = own.stage(service, "--format=json")
        own.require(call, "v1.0.1")
    assert PASSWORD not in call.stderr
    # One to list, one after it was taken back, one of skopeo's, one to write the tag.
    assert tokens.given <= 4


@pytest.mark.fault(10)
@pytest.mark.parametrize("moment", ["claimed", "pushing"])
def test_a_tag_that_somebody_else_pushes_is_never_overwritten(own: World, service: Path, moment: str) -> None:
    """Somebody who claims nothing takes v1.0.1 after the claim or during the upload: v1.0.2 is released."""
    theirs = after(lambda: tagged(own.behind, own.image, "v1.0.1"))
    if moment == "claimed":
        own.git.script(PUSH, theirs, times=1)
    else:
        own.registry.script(UPLOAD, theirs, times=1)
    own.require(own.stage(service, "--format=json"), "v1.0.2")
    assert list(own.tags()) == ["v1.0.1", "v1.0.2"]
    assert own.tags()["v1.0.1"] != own.tags()["v1.0.2"]


@pytest.mark.fault(11)
def test_sources_that_race_take_a_version_each(own: World, tmp_path: Path) -> None:
    """Three at once; twenty are the soak's."""
    sources = [changed(tmp_path, number) for number in range(3)]
    calls = at_once(own, sources)
    versions = {call.release["version"] for call in calls}
    assert versions == {"v1.0.1", "v1.0.2", "v1.0.3"}
    assert {call.release["version"]: call.release["digest"] for call in calls} == own.tags()
    assert f"image: {own.image}:v1.0.3 " in own.show()


@pytest.mark.fault(12)
def test_one_source_that_races_with_itself_takes_one_version(own: World, service: Path) -> None:
    """Three at once: all of them name one version and one digest."""
    calls = at_once(own, [service] * 3)
    assert {(call.release["version"], call.release["digest"]) for call in calls} == set(own.tags().items())
    assert list(own.tags()) == own.claims() == ["v1.0.1"]
    assert len(own.commits()) == 1 + 1


def at_once(own: World, sources: list[Path]) -> list[Call]:
    """Return how the stages of ``sources`` ended, which ran side by side."""
    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(lambda source: own.stage(source, "--format=json"), sources))


@pytest.mark.fault(14)
def test_an_upload_that_breaks_off_is_tried_again(own: World, service: Path) -> None:
    """The registry gives up once in the middle of the layers."""
    own.registry.script(LAYER, answers(500), times=1)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert blobs_are_there(own, "v1.0.1")


@pytest.mark.fault(14)
def test_an_upload_that_keeps_breaking_off_leaves_no_tag(own: World, service: Path) -> None:
    """The registry takes no layer: the run fails, and the next one finishes the release."""
    own.registry.script(LAYER, answers(500))
    call = own.stage(service)
    assert call.status != 0
    assert f"pushing {own.image} to " in call.error
    assert own.tags() == {}
    assert len(own.commits()) == 1

    own.registry.lift(LAYER)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert blobs_are_there(own, "v1.0.1")


@pytest.mark.fault(15)
def test_a_registry_that_answers_another_digest_is_not_deployed_from(own: World, service: Path) -> None:
    """What lies under the tag is not what was pushed."""
    own.registry.script(r"^HEAD /v2/\S+/manifests/v1", changes("Docker-Content-Digest", FOREIGN))
    call = own.stage(service)
    assert call.status != 0
    assert f":v1.0.1 is {FOREIGN} after sha256:" in call.error
    assert "nothing was deployed" in call.error
    assert len(own.commits()) == 1
    assert "v1.0.1" not in own.show()
