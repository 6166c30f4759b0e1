"""What a record decides: which image a version is, against a real git server and a registry that others write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from tests.unit.steps.deploying import FILE, LOCATION, manifest
from tests.unit.steps.releasing import MINE, PUSHED, push, push_untagged, record, release

from stage_ci.errors import DigestMismatch, InvalidRecord, InvalidVersion, SwappedTag
from stage_ci.rules.claim import InputDigest, claim_ref
from stage_ci.rules.decisions import MoveState
from stage_ci.rules.record import record_ref
from stage_ci.rules.revision import Revision
from stage_ci.steps.plan import make_plan
from stage_ci.steps.publish import Published, claim, verify_tag, write_tag
from stage_ci.steps.record import read_record, write_record
from stage_ci.steps.version import released_record, unrecorded_digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.servers.git import GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.reference import Digest
    from stage_ci.rules.release import ReleaseLine
    from stage_ci.rules.version import Version
    from stage_ci.steps.remotes import Remotes


@pytest.fixture
async def released(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, repository: GitRepository
) -> Digest:
    """Release v1.0.1 of MINE and return its digest."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    version, digest, _ = await release(remotes, line, push_untagged(registry_server))
    assert str(version) == "v1.0.1"
    return digest


async def test_a_release_is_recorded(
    remotes: Remotes, line: ReleaseLine, repository: GitRepository, released: Digest
) -> None:
    """A release leaves a record that git shows, with the image, the version, the digest and the inputs."""
    text = repository.git("log", "-1", "--format=%B", record_ref(line.repository, line.versions.version(1)))
    assert text.strip() == record(line, released).text().strip()
    assert await read_record(line.versions.version(1), remotes.infrastructure, line) == record(line, released)


@pytest.mark.fault(41)
async def test_a_tag_that_was_swapped_stops_every_function(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, repository: GitRepository, released: Digest
) -> None:
    """If the tag of a release names another image with the same labels, stage, plan and deploy change nothing."""
    swapped = push(registry_server, "v1.0.1")
    assert swapped != released
    before = repository.git("for-each-ref")
    version = line.versions.version(1)
    for attempt in (
        claim(MINE, released, remotes, line),
        claim(MINE, swapped, remotes, line),
        make_plan(MINE, remotes, line, LOCATION, allow_downgrade=False),
        released_record(version, remotes, line),
        unrecorded_digest(version, remotes, line),
    ):
        with pytest.raises(SwappedTag, match=rf"^record: .*v1\.0\.1 is {swapped} but was released as {released}"):
            await attempt
    assert repository.git("for-each-ref") == before


@pytest.mark.fault(42)
async def test_an_image_with_copied_labels_takes_the_number_but_is_never_released(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """If a stranger tags an image with copied labels after the claim, the run takes the next number."""
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(1), None)
    foreign = push(registry_server, "v1.0.1")
    pushed = push_untagged(registry_server)
    assert await write_tag(record(line, pushed), remotes, line) is None
    assert await claim(MINE, pushed, remotes, line) == (line.versions.version(2), None)
    assert await claim(MINE, pushed, remotes, line) == (line.versions.version(2), None)
    assert registry_server.tags["v1.0.1"] == str(foreign)
    assert not await remotes.infrastructure.refs("refs/records/")


@pytest.mark.fault(12)
async def test_a_concurrent_run_of_the_same_inputs_is_waited_for(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """If another run of the same inputs has tagged its own build and records it a moment later, that is the release."""
    await claim(MINE, PUSHED, remotes, line)
    other = push(registry_server, "v1.0.1")
    found: list[object] = []

    async def resume() -> None:
        found.append(await claim(MINE, PUSHED, remotes, line))

    async def verify() -> None:
        found.append(await verify_tag(record(line, PUSHED), remotes, line))

    async with anyio.create_task_group() as group:
        group.start_soon(resume)
        group.start_soon(verify)
        await anyio.sleep(0.3)
        await write_record(record(line, other), remotes.infrastructure, line)
    version = line.versions.version(1)
    assert (version, record(line, other)) in found
    assert Published(record(line, other), pushed=False) in found


@pytest.mark.fault(15)
async def test_an_image_that_nobody_records_is_not_released(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """If the tag names an image with the same labels after the push, and no run records it, the run fails."""
    held = push(registry_server, "v1.0.1")
    with pytest.raises(DigestMismatch, match=f"is {held} after {PUSHED} was pushed"):
        await verify_tag(record(line, PUSHED), remotes, line)


@pytest.mark.fault(13)
async def test_a_run_that_was_killed_before_the_record_is_completed(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """If the tag names the image that the run would push, the run records it under the same version."""
    await claim(MINE, PUSHED, remotes, line)
    tagged = push(registry_server, "v1.0.1")
    version = line.versions.version(1)
    assert await claim(MINE, tagged, remotes, line) == (version, None)
    assert await write_tag(record(line, tagged), remotes, line) == Published(record(line, tagged), pushed=True)


async def test_a_registry_that_lost_a_release_gets_it_again(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, released: Digest
) -> None:
    """If the registry lost the tag, the same image gets the same version, and another build of it the next one."""
    registry_server.tags.clear()
    version = line.versions.version(1)
    plan = await make_plan(MINE, remotes, line, LOCATION, allow_downgrade=False)
    assert plan.startswith("Claimed before; would publish docker.io/owner/service:v1.0.1\n")
    assert await claim(MINE, released, remotes, line) == (version, None)
    assert await write_tag(record(line, released), remotes, line) == Published(record(line, released), pushed=False)
    registry_server.tags.clear()
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(50)
async def test_a_deleted_claim_frees_no_number(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, repository: GitRepository, released: Digest
) -> None:
    """If somebody deletes the claim of a release, the same inputs get the next number, even if the tag is gone too."""
    repository.git("update-ref", "-d", claim_ref(line.repository, line.versions.version(1)))
    registry_server.tags.clear()
    assert await claim(MINE, released, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(50)
async def test_a_deleted_record_is_written_again_by_the_same_image_only(
    remotes: Remotes, line: ReleaseLine, repository: GitRepository, released: Digest
) -> None:
    """If somebody deletes a record, the same image is recorded again, and another build gets the next number."""
    version = line.versions.version(1)
    repository.git("update-ref", "-d", record_ref(line.repository, version))
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)
    repository.git("update-ref", "-d", claim_ref(line.repository, line.versions.version(2)))
    assert await claim(MINE, released, remotes, line) == (version, None)
    assert await write_tag(record(line, released), remotes, line) == Published(record(line, released), pushed=True)


async def test_a_version_is_recorded_once(remotes: Remotes, line: ReleaseLine, released: Digest) -> None:
    """Recording a version again changes nothing, and fails with another digest."""
    assert await write_record(record(line, released), remotes.infrastructure, line) == record(line, released)
    with pytest.raises(SwappedTag, match=f"is {PUSHED} but was released as {released}"):
        await write_record(record(line, PUSHED), remotes.infrastructure, line)
    assert await read_record(line.versions.version(1), remotes.infrastructure, line) == record(line, released)


async def test_a_released_version_has_a_record(remotes: Remotes, line: ReleaseLine, released: Digest) -> None:
    """A released version is found by its record, which is that of the image in the registry."""
    assert await released_record(line.versions.version(1), remotes, line) == record(line, released)
    assert await unrecorded_digest(line.versions.version(1), remotes, line) == released


async def test_a_version_without_a_record_needs_permission(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """A version that only the registry knows is deployed with --allow-unrecorded only."""
    version, digest = line.versions.version(2), push(registry_server, "v1.0.2")
    error = rf"^record: v1\.0\.2 has no record, .*; if {digest} is what you expect, deploy it with --allow-unrecorded"
    with pytest.raises(InvalidVersion, match=error):
        await released_record(version, remotes, line)
    assert await unrecorded_digest(version, remotes, line) == digest


@pytest.mark.parametrize("find", [released_record, unrecorded_digest])
async def test_a_version_that_was_not_published_cannot_be_deployed(
    remotes: Remotes, line: ReleaseLine, find: Callable[[Version, Remotes, ReleaseLine], Awaitable[object]]
) -> None:
    """Deploying a version that is not in the registry fails, and the error advises to publish it first."""
    with pytest.raises(InvalidVersion, match=r"^registry: v1\.0\.2 is not in the registry; publish it first"):
        await find(line.versions.version(2), remotes, line)


@pytest.mark.fault(44)
async def test_a_replayed_older_source_is_published_but_not_deployed(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, repository: GitRepository
) -> None:
    """If the run of an older source ends after a newer source was released, the manifest stays, unless it may go back.

    The plan says the same. The commit of the newer source names its revision.
    """
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    older, newer = (Revision.parse(f"{name * 40} 2026-05-0{day}T12:00:00Z") for name, day in [("a", 4), ("b", 5)])
    pushed = push_untagged(registry_server)
    await release(remotes, line, pushed, revision=newer)
    assert f"Source-Revision: {'b' * 40}\n" in repository.git("log", "-1", "--format=%B", "main")

    old = InputDigest.of("old", {})
    plan = await make_plan(old, remotes, line, LOCATION, allow_downgrade=False, revision=older)
    assert f"{FILE} names v1.0.1, which was made from a newer source ({newer}): it stays" in plan
    version, _, deployed = await release(remotes, line, pushed, inputs=old, revision=older)
    assert (str(version), deployed.move.state) == ("v1.0.2", MoveState.SUPERSEDED)
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.1")
    _, _, back = await release(remotes, line, pushed, inputs=old, revision=older, allow_downgrade=True)
    assert back.move.state is MoveState.MOVED


@pytest.mark.parametrize("target", ["other text", "blob"])
async def test_an_invalid_record_is_an_error(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, repository: GitRepository, target: str
) -> None:
    """A record that names no image, or that is no commit, fails and is never taken for a missing one."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    push(registry_server, "v1.0.1")
    version = line.versions.version(1)
    value = f"main:{FILE}" if target == "blob" else "main"
    repository.git("update-ref", record_ref(line.repository, version), value)
    with pytest.raises(InvalidRecord, match=r"the record of docker\.io/owner/service:v1\.0\.1 has Image ''"):
        await unrecorded_digest(version, remotes, line)
