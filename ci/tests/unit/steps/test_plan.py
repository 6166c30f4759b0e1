"""A plan agrees with the release of the same inputs that follows, in every state of the remotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from tests.unit.steps.deploying import FILE, LOCATION, manifest
from tests.unit.steps.releasing import MINE, push_untagged, release

from stage_ci.errors import ImageNotInManifest, InvalidVersion, StageError
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.decisions import UNKNOWN_DIGEST, MoveState
from stage_ci.rules.manifest import diff
from stage_ci.rules.record import Record
from stage_ci.rules.reference import Digest
from stage_ci.steps.plan import make_plan
from stage_ci.steps.publish import claim
from stage_ci.steps.record import write_record
from stage_ci.steps.version import resolve_version

if TYPE_CHECKING:
    from tests.servers.git import GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.release import ReleaseLine
    from stage_ci.steps.remotes import Remotes

OTHER: Final = InputDigest.of("other", {})
SERVICE: Final = "owner/service"


@dataclass(frozen=True)
class State:
    """A state of the remotes before a release, and what a plan of it begins with.

    Attributes:
        image: The image that the manifest names.
        headline: The plan's first line, without the image's name.
        move: What becomes of the manifest.
        claimed: The inputs that hold claims, in the order of the versions.
        tags: The tags in the registry, each with the inputs in the label of its image. Those of MINE are recorded.
    """

    image: str
    headline: str
    move: MoveState
    claimed: tuple[InputDigest, ...] = ()
    tags: tuple[tuple[str, InputDigest], ...] = ()


STATES: Final = {
    "nothing there": State(f"{SERVICE}:v1.0.0", "Would claim and publish v1.0.1", MoveState.MOVED),
    "claimed": State(f"{SERVICE}:v1.0.0", "Claimed before; would publish v1.0.1", MoveState.MOVED, (MINE,)),
    "published": State(f"{SERVICE}:v1.0.0", "Already released v1.0.1", MoveState.MOVED, (MINE,), (("v1.0.1", MINE),)),
    "published and deployed": State(
        f"{SERVICE}:v1.0.1", "Already released v1.0.1", MoveState.UNCHANGED, (MINE,), (("v1.0.1", MINE),)
    ),
    "foreign tag on the number": State(
        f"{SERVICE}:v1.0.0", "Would claim and publish v1.0.2", MoveState.MOVED, (MINE,), (("v1.0.1", OTHER),)
    ),
    "held": State(f"{SERVICE}:v1.0.0 # stage-ci: hold by=alice", "Would claim and publish v1.0.1", MoveState.HELD),
    "newer in the manifest": State(
        f"{SERVICE}:v1.0.9", "Already released v1.0.1", MoveState.SUPERSEDED, (MINE,), (("v1.0.1", MINE),)
    ),
    "pinned by digest": State(f"{SERVICE}:v1.0.0@sha256:{'1' * 64}", "Would claim and publish v1.0.1", MoveState.MOVED),
}


async def prepare(state: State, remotes: Remotes, line: ReleaseLine, server: RegistryServer) -> None:
    """Bring registry and infrastructure repository into a state."""
    for inputs in state.claimed:
        await claim(inputs, UNKNOWN_DIGEST, remotes, line)
    for tag, inputs in state.tags:
        digest = Digest.parse(server.push(tag, ci_stage_inputs=str(inputs)))
        if inputs == MINE:
            record = Record(line.repository, line.versions.parse_version(tag), digest, inputs)
            await write_record(record, remotes.infrastructure, line)


@pytest.mark.parametrize("allow_downgrade", [False, True])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
async def test_a_release_does_what_its_plan_says(  # noqa: PLR0913 - the fixtures are both remotes and their servers
    state: State,
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    *,
    allow_downgrade: bool,
) -> None:
    """The version, the move and the manifest's diff of a plan are those of the release that follows it."""
    tip = repository.push({str(FILE): manifest(state.image)})
    await prepare(state, remotes, line, registry_server)
    plan = await make_plan(MINE, remotes, line, LOCATION, allow_downgrade=allow_downgrade)
    version, digest, deployed = await release(
        remotes, line, push_untagged(registry_server), allow_downgrade=allow_downgrade
    )
    headline, _, number = state.headline.rpartition(" ")
    assert plan.splitlines()[0] == f"{headline} docker.io/{SERVICE}:{number}"
    assert str(version) == number
    moved_back = state.move is MoveState.SUPERSEDED and allow_downgrade
    assert deployed.move.state is (MoveState.MOVED if moved_back else state.move)
    after = repository.git("show", f"main:{FILE}")
    change = diff(repository.git("show", f"{tip}:{FILE}").encode(), after.encode(), filename=str(FILE))
    assert (change.rstrip("\n") or "inputs") in plan.replace("sha256:(known after the push)", str(digest))
    assert ("+++ b/" in plan) is (deployed.move.state is MoveState.MOVED)
    assert all(reason in plan for reason in deployed.move.reasons(FILE))


@pytest.mark.fault(24)
async def test_a_plan_lists_what_would_stay(remotes: Remotes, line: ReleaseLine, repository: GitRepository) -> None:
    """A plan ends with the values that name another version of the image and would not move."""
    repository.push({str(FILE): manifest(f"{SERVICE}:v1.0.0", f"{SERVICE}:debug")})
    plan = await make_plan(MINE, remotes, line, LOCATION, allow_downgrade=False)
    assert plan.splitlines()[-1].startswith(f"{FILE}:10 {SERVICE}:debug stays: debug names a variant, not a version")


@pytest.mark.fault(22, 45)
@pytest.mark.parametrize(
    ("image", "error"), [(f"{SERVICE}:v2.0.3", InvalidVersion), ("owner/other:v1.0.1", ImageNotInManifest)]
)
async def test_a_plan_fails_where_the_release_fails(  # noqa: PLR0913, PLR0917 - as above
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    image: str,
    error: type[StageError],
) -> None:
    """A manifest of a higher line, or without the image, fails the plan and the release with the same error."""
    repository.push({str(FILE): manifest(image)})
    with pytest.raises(error) as planned:
        await make_plan(MINE, remotes, line, LOCATION, allow_downgrade=True)
    with pytest.raises(error, match=f"^{re.escape(str(planned.value))}$"):
        await release(remotes, line, push_untagged(registry_server), allow_downgrade=True)
    assert registry_server.tags == {}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
async def test_the_next_version_is_above_every_tag_and_claim(
    state: State, remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """Inputs that were never released get the version that other inputs then claim."""
    await prepare(state, remotes, line, registry_server)
    following = (await resolve_version(None, remotes, line)).version
    assert (await claim(InputDigest.of("never released", {}), UNKNOWN_DIGEST, remotes, line))[0] == following
