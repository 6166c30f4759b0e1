"""Claiming a version and writing its tag, against a real git server and a registry on the loopback interface."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from tests.unit.steps.releasing import MINE, PUSHED, push, record

from stage_ci.adapters.image import Archive, Inputs
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry, RetryPolicy
from stage_ci.errors import DigestMismatch, InfrastructureAccessDenied, InfrastructureConflict, StageError
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.claim import InputDigest, claim_ref
from stage_ci.rules.infrastructure import GitIdentity
from stage_ci.rules.reference import Digest
from stage_ci.rules.verdict import Verdict
from stage_ci.rules.waivers import Waivers
from stage_ci.steps import retry
from stage_ci.steps.progress import Progress
from stage_ci.steps.publish import Publication, Published, claim, publish, verify_tag, write_tag
from stage_ci.steps.record import write_record
from stage_ci.steps.remotes import Remotes

if TYPE_CHECKING:
    import dagger
    from tests.servers.git import GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.record import Record
    from stage_ci.rules.release import ReleaseLine
    from stage_ci.steps.evidence import Facts

OTHER = InputDigest.of("other", {})
# A pre-receive hook that writes the same refs just before the push that triggers it.
FASTER = "while read old new ref; do env -u GIT_QUARANTINE_PATH git update-ref $ref main; done"


async def passes(_: Record) -> Verdict:
    """Return the verdict of a released image that holds no vulnerability."""
    return Verdict(1, (), (), Advisories(date(2026, 11, 1), sample=False), Waivers())


async def test_the_first_version_is_1(remotes: Remotes, line: ReleaseLine, repository: GitRepository) -> None:
    """The first release of an image claims v1.0.1 in the infrastructure repository before anything is pushed."""
    version = line.versions.version(1)
    assert await claim(MINE, PUSHED, remotes, line) == (version, None)
    assert claim_ref(line.repository, version) in await remotes.infrastructure.refs("refs/")
    assert f"inputs: {MINE}" in repository.git("log", "-1", "--format=%B", claim_ref(line.repository, version))


@pytest.mark.fault(3)
async def test_the_next_version_follows_by_number(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """After v1.0.9 and v1.0.10 comes v1.0.11, even if the registry has other tags."""
    for tag in ("v1.0.9", "v1.0.10", "latest", "v1.0.x", "v2.0.0", "v1.0.012"):
        push(registry_server, tag, OTHER)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(11), None)


async def test_a_claim_that_was_never_pushed_is_not_taken_again(remotes: Remotes, line: ReleaseLine) -> None:
    """A number that another run has claimed is not taken again, even if nothing was pushed under it."""
    await claim(OTHER, PUSHED, remotes, line)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(13)
async def test_a_claim_of_the_same_inputs_is_resumed(remotes: Remotes, line: ReleaseLine) -> None:
    """A run that was killed after its claim is resumed under the same version."""
    first = await claim(MINE, PUSHED, remotes, line)
    await claim(OTHER, PUSHED, remotes, line)
    assert await claim(MINE, PUSHED, remotes, line) == first


@pytest.mark.fault(13)
async def test_a_claim_of_the_default_committer_is_resumed_by_another(
    remotes: Remotes, line: ReleaseLine, repository: GitRepository
) -> None:
    """A run with a committer of its own resumes its claims and those from before it was given one."""
    committer = GitIdentity.parse("oauth2", "Release bot <bot@corp.example>")
    given = replace(remotes, infrastructure=Infrastructure(repository.url, None, committer))
    first = await claim(MINE, PUSHED, remotes, line)
    assert await claim(MINE, PUSHED, given, line) == first
    second = await claim(OTHER, PUSHED, given, line)
    assert await claim(OTHER, PUSHED, given, line) == second != first


@pytest.mark.fault(12)
async def test_what_was_published_is_found_again(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """Publishing the same inputs again returns the version they have, even if they are built to another image now."""
    version, _ = await claim(MINE, PUSHED, remotes, line)
    digest = push(registry_server, str(version))
    await write_record(record(line, digest), remotes.infrastructure, line)
    archive = Archive(cast("dagger.File", None), *[Digest.parse(f"sha256:{'0' * 64}")] * 2)
    facts = cast("Facts", SimpleNamespace(inputs=Inputs(MINE, {}), revision=None))
    publication = Publication(cast("dagger.Container", None), archive, facts, passes)
    progress = Progress()
    assert await publish(publication, remotes, line, progress) == Published(record(line, digest), pushed=False)
    assert [span.step for span in progress.spans] == ["publish"]


@pytest.mark.fault(10)
@pytest.mark.parametrize("labels", [{}, {"ci_stage_inputs": str(OTHER)}, {"ci_stage_inputs": "mine"}])
async def test_a_tag_pushed_after_the_listing_is_left_to_its_owner(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, labels: dict[str, str]
) -> None:
    """A tag that another client pushes without a claim after the listing stays, and the run takes the next number."""
    foreign: list[str] = []

    def faster() -> None:
        foreign.extend([registry_server.push("v1.0.1", **labels)] if not foreign else [])

    registry_server.after_listing = faster
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)
    assert registry_server.tags == {"v1.0.1": foreign[0]}


@pytest.mark.fault(10)
async def test_a_tag_pushed_between_claim_and_push_is_left_to_its_owner(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """A resumed run whose claimed tag names an image of other inputs takes the next number."""
    version, _ = await claim(MINE, PUSHED, remotes, line)
    push(registry_server, str(version), OTHER)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    "manifest",
    [
        {"schemaVersion": 2, "manifests": []},
        {"schemaVersion": 2, "manifests": [{"digest": f"sha256:{'1' * 64}", "platform": {"architecture": "arm64"}}]},
    ],
)
async def test_a_tag_without_an_image_of_this_platform_is_not_overwritten(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer, manifest: object
) -> None:
    """An image index without linux/amd64 under the claimed tag counts as an image of other inputs."""
    version, _ = await claim(MINE, PUSHED, remotes, line)
    registry_server.put(str(version), manifest)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(11)
async def test_twenty_sources_at_once_take_twenty_versions(remotes: Remotes, line: ReleaseLine) -> None:
    """Twenty sources claimed at once get twenty consecutive versions."""
    taken: list[int] = []

    async def run(number: int) -> None:
        version, _ = await claim(InputDigest.of(f"source {number}", {}), PUSHED, remotes, line)
        taken.append(version.number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(run, number)
    assert sorted(taken) == list(range(1, 21))


@pytest.mark.fault(12)
async def test_one_source_twenty_times_at_once_takes_one_version(remotes: Remotes, line: ReleaseLine) -> None:
    """Twenty runs of one source at once share one version: the losers resume the winner's claim."""
    taken: set[int] = set()

    async def run() -> None:
        taken.add((await claim(MINE, PUSHED, remotes, line))[0].number)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(run)
    assert taken == {1}


@pytest.mark.fault(11)
async def test_a_lost_race_is_run_again(remotes: Remotes, line: ReleaseLine, repository: GitRepository) -> None:
    """A run that loses the race for a number takes the next one."""
    repository.hook("pre-receive", f"[ -e raced ] || {{ touch raced; {FASTER}; }}")
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(11)
async def test_losing_every_race_fails(
    remotes: Remotes, line: ReleaseLine, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim gives up after a bounded number of lost races, and its error advises to run again."""
    monkeypatch.setattr(retry, "ATTEMPTS", 3)
    repository.hook("pre-receive", FASTER)
    with pytest.raises(
        InfrastructureConflict, match=r"^claim: no version of docker\.io/owner/service could.*run again"
    ):
        await claim(MINE, PUSHED, remotes, line)
    assert len([ref for ref in await remotes.infrastructure.refs("refs/") if ref.startswith("refs/claims/")]) == 3


@pytest.mark.fault(18)
async def test_a_refusal_is_not_tried_again(remotes: Remotes, line: ReleaseLine, repository: GitRepository) -> None:
    """A claim that the server refuses is not repeated."""
    repository.hook("pre-receive", "echo x >>attempts; exit 1")
    with pytest.raises(InfrastructureAccessDenied):
        await claim(MINE, PUSHED, remotes, line)
    assert (repository.bare / "attempts").read_text() == "x\n"


@pytest.mark.fault(40)
async def test_failures_of_both_remotes_are_reported(line: ReleaseLine) -> None:
    """If registry and infrastructure repository are both unreachable, the error has a line for each."""
    async with Registry("http://127.0.0.1:1", "owner/service", policy=RetryPolicy(attempts=1)) as registry:
        infrastructure = Infrastructure("git://127.0.0.1:1/owner/infra.git")
        nowhere = Remotes(registry, infrastructure, Destination("127.0.0.1"))
        with pytest.raises(StageError, match=r"(?s)git://127\.0\.0\.1:1/.*\n.*127\.0\.0\.1:1/owner/service"):
            await claim(MINE, PUSHED, nowhere, line)


async def test_a_version_names_what_was_pushed(
    remotes: Remotes, registry_server: RegistryServer, line: ReleaseLine
) -> None:
    """Writing the tag makes it name the image that was pushed by digest, and records it; again, it changes nothing."""
    pushed = push(registry_server, "untagged")
    del registry_server.tags["untagged"]
    assert await write_tag(record(line, pushed), remotes, line) == Published(record(line, pushed), pushed=True)
    assert registry_server.tags == {"v1.0.1": str(pushed)}
    assert await write_tag(record(line, pushed), remotes, line) == Published(record(line, pushed), pushed=False)


@pytest.mark.fault(10)
async def test_a_tag_pushed_during_the_push_is_left_to_its_owner(
    remotes: Remotes, registry_server: RegistryServer, line: ReleaseLine
) -> None:
    """A tag that another client pushes without a claim during the upload stays, and the run takes the next number."""
    pushed = push(registry_server, "mine")
    foreign = push(registry_server, "v1.0.1", OTHER)
    assert await write_tag(record(line, pushed), remotes, line) is None
    assert registry_server.tags["v1.0.1"] == str(foreign)
    assert await claim(MINE, PUSHED, remotes, line) == (line.versions.version(2), None)


@pytest.mark.fault(15)
async def test_another_digest_than_was_pushed_fails(
    remotes: Remotes, registry_server: RegistryServer, line: ReleaseLine
) -> None:
    """Verifying a tag fails if it names an image of other inputs, or nothing."""
    with pytest.raises(DigestMismatch, match="is missing after"):
        await verify_tag(record(line, PUSHED), remotes, line)
    held = push(registry_server, "v1.0.1", OTHER)
    with pytest.raises(DigestMismatch, match=f"is {held} after {PUSHED} was pushed"):
        await verify_tag(record(line, PUSHED), remotes, line)
    assert not await remotes.infrastructure.refs("refs/records/")
