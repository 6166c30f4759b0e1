"""Naming a version in the manifest, against a real git server and other writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
import pytest
from tests.unit.steps.deploying import FILE, PLACE, manifest, run

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import (
    ImageNotInManifest,
    InfrastructureAccessDenied,
    InfrastructureConflict,
    InvalidVersion,
    ManifestMissing,
)
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename
from stage_ci.steps import retry
from stage_ci.steps.deploy import Deployed, deploy, published_digest, require_editable
from stage_ci.steps.request import ManifestLocation, ReleaseLine

if TYPE_CHECKING:
    from tests.servers.git import GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.steps.remotes import Remotes

DIGEST: Final = Digest.parse(f"sha256:{'d' * 64}")
# A pre-receive hook that commits to main just before the push that it is asked about.
FASTER: Final = (
    "env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main "
    "$(git commit-tree main^{tree} -p main -m faster </dev/null); cat >/dev/null"
)


async def test_a_version_is_named_in_one_commit_on_top(repository: GitRepository, line: ReleaseLine) -> None:
    """Only the reference changes, and the message says what moved where."""
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1", "other/service:v1.0.1")})
    deployed = await run(repository, line, 2, DIGEST)
    assert repository.git("rev-parse", "main", "main^").split() == [deployed.commit, before]
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.2", "other/service:v1.0.1")
    assert repository.git("log", "-1", "--format=%B", "main").strip() == (
        f"{FILE}: owner/service v1.0.2\n\n"
        "Deployment/svm spec.template.spec.containers[0].image: owner/service:v1.0.1 -> owner/service:v1.0.2\n\n"
        f"Image-Digest: {DIGEST}"
    )
    assert deployed.text(FILE) == f"{FILE}:9 owner/service:v1.0.1 -> owner/service:v1.0.2\ncommit {deployed.commit}\n"


@pytest.mark.fault(23)
async def test_a_pinned_digest_moves_with_the_version(repository: GitRepository, line: ReleaseLine) -> None:
    """A stale digest beside a new tag would run the old image."""
    repository.push({str(FILE): manifest(f"owner/service:v1.0.1@sha256:{'0' * 64}")})
    await run(repository, line, 2, DIGEST)
    assert repository.git("show", f"main:{FILE}") == manifest(f"owner/service:v1.0.2@{DIGEST}")


async def test_only_what_changed_is_told(repository: GitRepository, line: ReleaseLine) -> None:
    """A reference that said the right thing already has not moved."""
    repository.push({str(FILE): manifest("owner/service:v1.0.2", "owner/service:v1.0.1")})
    deployed = await run(repository, line, 2)
    assert [(change.old, change.new) for change in deployed.changes] == [
        ("owner/service:v1.0.1", "owner/service:v1.0.2")
    ]
    assert "v1.0.2 -> " not in repository.git("log", "-1", "--format=%B", "main")


@pytest.mark.fault(20)
async def test_a_version_that_is_named_already_takes_no_commit(repository: GitRepository, line: ReleaseLine) -> None:
    """The tip of the branch is what names it."""
    tip = repository.push({str(FILE): manifest("owner/service:v1.0.2")})
    deployed = await run(repository, line, 2)
    assert deployed == Deployed(tip)
    assert deployed.text(FILE) == f"{FILE} names it already\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(17)
@pytest.mark.parametrize("images", [["owner/service:v1.0.10"], ["owner/service:v1.0.1", "owner/service:v1.0.10"]])
async def test_a_newer_version_stays(repository: GitRepository, line: ReleaseLine, images: list[str]) -> None:
    """A run never goes back; it says so and ends well."""
    tip = repository.push({str(FILE): manifest(*images)})
    deployed = await run(repository, line, 9)
    assert deployed == Deployed(tip, superseded_by=line.versions.version(10))
    told = f"{FILE} names v1.0.10, which is newer: it stays; --allow-downgrade takes it back"
    assert deployed.text(FILE) == f"{told}\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(19)
async def test_a_missing_manifest_is_told_at_once(repository: GitRepository, line: ReleaseLine) -> None:
    """No commit creates it."""
    place = ManifestLocation("main", Filename.parse("manifests/absent.yaml"))
    with pytest.raises(ManifestMissing, match=r"manifests/absent\.yaml"):
        await deploy(Infrastructure(repository.url), place, line, line.versions.version(2), None)


@pytest.mark.fault(22)
async def test_a_manifest_without_the_image_is_told_at_once(repository: GitRepository, line: ReleaseLine) -> None:
    """Nothing updated is a failure, and nothing is committed."""
    tip = repository.push({str(FILE): manifest("owner/service-worker:v1.0.1")})
    with pytest.raises(ImageNotInManifest):
        await run(repository, line, 2)
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.parametrize("image", ["owner/service:v1.0.1", "owner/service:v1.0.9", f"owner/service:v1.0.1@{DIGEST}"])
async def test_a_manifest_is_tried_without_touching_it(
    repository: GitRepository, line: ReleaseLine, image: str
) -> None:
    """Whatever version it names, also by digest, whose successor is not known yet."""
    tip = repository.push({str(FILE): manifest(image)})
    await require_editable(Infrastructure(repository.url), PLACE, line)
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(22)
async def test_a_manifest_that_could_not_be_edited_is_told_before_anything_is_published(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """By the same rules as the deploy itself."""
    repository.push({str(FILE): manifest("owner/other:v1.0.1")})
    with pytest.raises(ImageNotInManifest):
        await require_editable(Infrastructure(repository.url), PLACE, line)


@pytest.mark.fault(16)
async def test_a_commit_that_lands_first_is_kept(repository: GitRepository, line: ReleaseLine) -> None:
    """The edit is made again on top of it."""
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", f"[ -e raced ] && exit; touch raced; {FASTER}")
    deployed = await run(repository, line, 2)
    assert repository.git("log", "--format=%s", f"{before}..main").splitlines() == [
        f"{FILE}: owner/service v1.0.2",
        "faster",
    ]
    assert repository.git("rev-parse", "main").strip() == deployed.commit


@pytest.mark.fault(16)
async def test_whoever_loses_every_race_says_so(
    repository: GitRepository, line: ReleaseLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts are bounded, and the error says to run again."""
    monkeypatch.setattr(retry, "ATTEMPTS", 3)
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", FASTER)
    with pytest.raises(InfrastructureConflict, match=f"^deploy: {FILE} could not be pushed to main.*run again"):
        await run(repository, line, 2)
    assert repository.git("log", "--format=%s", f"{before}..main").split() == ["faster"] * 3


@pytest.mark.fault(18)
async def test_a_refusal_is_not_tried_again(repository: GitRepository, line: ReleaseLine) -> None:
    """A protected branch stays one."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", "echo x >>asked; exit 1")
    with pytest.raises(InfrastructureAccessDenied):
        await run(repository, line, 2)
    assert (repository.bare / "asked").read_text() == "x\n"


@pytest.mark.fault(28)
async def test_a_server_that_drops_the_push_once_is_asked_again(repository: GitRepository, line: ReleaseLine) -> None:
    """A connection that ends in the middle of the push is no end of the run."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", "[ -e dropped ] && exit; touch dropped; kill -9 $PPID")
    await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.2")


@pytest.mark.fault(28)
async def test_a_server_that_drops_after_the_write_gets_no_second_commit(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """The next attempt finds the manifest as it should be."""
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("post-update", "[ -e dropped ] && exit; touch dropped; kill -9 $PPID")
    await run(repository, line, 2)
    assert repository.git("rev-list", "--count", f"{before}..main").strip() == "1"


@pytest.mark.fault(16)
async def test_twenty_runs_on_twenty_files_lose_nothing(repository: GitRepository, line: ReleaseLine) -> None:
    """Every file names its version, in a commit of its own."""
    names = [Filename.parse(f"manifests/{number}.yaml") for number in range(20)]
    before = repository.push({str(name): manifest("owner/service:v1.0.1") for name in names})

    async def one(name: Filename) -> None:
        await deploy(
            Infrastructure(repository.url), ManifestLocation("main", name), line, line.versions.version(2), DIGEST
        )

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(one, name)
    assert {repository.git("show", f"main:{name}") for name in names} == {manifest("owner/service:v1.0.2")}
    assert repository.git("rev-list", "--count", f"{before}..main").strip() == "20"


@pytest.mark.fault(16)
async def test_twenty_runs_on_one_file_lose_nothing(repository: GitRepository) -> None:
    """Twenty services share a manifest, and each names its own version."""
    images = [f"owner/service-{number}" for number in range(20)]
    repository.push({str(FILE): manifest(*[f"{image}:v1.0.1" for image in images])})

    async def one(number: int) -> None:
        own = ReleaseLine.parse(images[number], "v1.0")
        await deploy(Infrastructure(repository.url), PLACE, own, own.versions.version(100 + number), None)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    named = [f"{image}:v1.0.{100 + number}" for number, image in enumerate(images)]
    assert repository.git("show", f"main:{FILE}") == manifest(*named)


@pytest.mark.fault(17)
async def test_twenty_versions_of_one_service_end_at_the_newest(repository: GitRepository, line: ReleaseLine) -> None:
    """In whichever order they land, no commit goes back."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})

    async with anyio.create_task_group() as group:
        for number in range(1, 21):
            group.start_soon(run, repository, line, number)
    log = repository.git("log", "--reverse", "--format=%s", "main")
    landed = [int(subject.rpartition(".")[2]) for subject in log.splitlines() if "owner/service" in subject]
    assert landed == sorted(landed)
    assert landed[-1] == 20


async def test_a_published_version_has_a_digest(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """What the registry holds under it."""
    digest = registry_server.push("v1.0.2")
    assert await published_digest(remotes.registry, line.versions.version(2)) == Digest.parse(digest)


async def test_a_version_that_was_not_published_cannot_be_deployed(remotes: Remotes, line: ReleaseLine) -> None:
    """The error says what to do first."""
    with pytest.raises(InvalidVersion, match=r"^deploy: v1\.0\.2 is not in the registry; publish it first"):
        await published_digest(remotes.registry, line.versions.version(2))
