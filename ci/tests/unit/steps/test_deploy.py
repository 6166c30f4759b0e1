"""Moving the deployment manifest to a version, against a real git server and other writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
import pytest
from tests.unit.steps.deploying import FILE, LOCATION, manifest, run

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import (
    ImageNotInManifest,
    InfrastructureAccessDenied,
    InfrastructureConflict,
    ManifestMissing,
    StageError,
)
from stage_ci.rules.decisions import Deployment, MoveState
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, ReleaseLine
from stage_ci.steps import retry
from stage_ci.steps.deploy import deploy, raise_if_undeployable
from stage_ci.steps.request import ManifestLocation

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

DIGEST: Final = Digest.parse(f"sha256:{'d' * 64}")
# A pre-receive hook that commits to main just before the push that triggers it.
FASTER: Final = (
    "env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main "
    "$(git commit-tree main^{tree} -p main -m faster </dev/null); cat >/dev/null"
)


async def test_a_version_is_named_in_one_commit_on_top(repository: GitRepository, line: ReleaseLine) -> None:
    """A deploy changes the reference alone, in one commit whose message lists what moved where."""
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
    """A reference with a digest gets the new digest: a stale one would run the old image."""
    repository.push({str(FILE): manifest(f"owner/service:v1.0.1@sha256:{'0' * 64}")})
    await run(repository, line, 2, DIGEST)
    assert repository.git("show", f"main:{FILE}") == manifest(f"owner/service:v1.0.2@{DIGEST}")


async def test_only_changed_references_are_reported(repository: GitRepository, line: ReleaseLine) -> None:
    """A reference that already names the version is not reported as moved."""
    repository.push({str(FILE): manifest("owner/service:v1.0.2", "owner/service:v1.0.1")})
    deployed = await run(repository, line, 2)
    assert [(change.old, change.new) for change in deployed.move.moved] == [
        ("owner/service:v1.0.1", "owner/service:v1.0.2")
    ]
    assert "v1.0.2 -> " not in repository.git("log", "-1", "--format=%B", "main")


@pytest.mark.fault(20)
async def test_a_version_that_is_named_already_takes_no_commit(repository: GitRepository, line: ReleaseLine) -> None:
    """Deploying a version that the manifest names makes no commit and reports the tip of the branch."""
    tip = repository.push({str(FILE): manifest("owner/service:v1.0.2")})
    deployed = await run(repository, line, 2)
    assert (deployed.commit, deployed.move.state) == (tip, MoveState.UNCHANGED)
    assert deployed.text(FILE) == f"{FILE} names this version already\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(17)
@pytest.mark.parametrize("images", [["owner/service:v1.0.10"], ["owner/service:v1.0.1", "owner/service:v1.0.10"]])
async def test_a_newer_version_stays(repository: GitRepository, line: ReleaseLine, images: list[str]) -> None:
    """A deploy leaves a manifest that names a newer version alone, reports it and succeeds."""
    tip = repository.push({str(FILE): manifest(*images)})
    deployed = await run(repository, line, 9)
    assert (deployed.commit, deployed.move.named) == (tip, line.versions.version(10))
    summary = f"{FILE} names v1.0.10, which is newer: it stays; --allow-downgrade moves it back"
    assert deployed.text(FILE) == f"{summary}\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(19)
async def test_a_missing_manifest_fails(repository: GitRepository, line: ReleaseLine) -> None:
    """Deploying to a file that does not exist fails and creates no commit."""
    absent = ManifestLocation("main", Filename.parse("manifests/absent.yaml"))
    with pytest.raises(ManifestMissing, match=r"manifests/absent\.yaml"):
        await deploy(Infrastructure(repository.url), absent, Deployment(line, line.versions.version(2), None))


@pytest.mark.fault(22)
async def test_a_manifest_without_the_image_fails(repository: GitRepository, line: ReleaseLine) -> None:
    """Deploying to a manifest without a reference to the image fails and creates no commit."""
    tip = repository.push({str(FILE): manifest("owner/service-worker:v1.0.1")})
    with pytest.raises(ImageNotInManifest):
        await run(repository, line, 2)
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.parametrize("image", ["owner/service:v1.0.1", "owner/service:v1.0.9", f"owner/service:v1.0.1@{DIGEST}"])
async def test_a_manifest_is_checked_without_a_commit(repository: GitRepository, line: ReleaseLine, image: str) -> None:
    """The check before publishing accepts any version of the line, also one pinned by digest, and commits nothing."""
    tip = repository.push({str(FILE): manifest(image)})
    await raise_if_undeployable(Infrastructure(repository.url), LOCATION, line)
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(22)
async def test_a_manifest_that_cannot_be_edited_fails_before_publishing(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """The check before publishing fails by the same rules as the deploy."""
    repository.push({str(FILE): manifest("owner/other:v1.0.1")})
    with pytest.raises(ImageNotInManifest):
        await raise_if_undeployable(Infrastructure(repository.url), LOCATION, line)


@pytest.mark.fault(18, 19)
@pytest.mark.parametrize(
    ("branch", "filename", "error"),
    [
        ("main", "manifests/none.yaml", "manifests/none.yaml is not in the infrastructure repository"),
        ("main", "manifests", "manifests is not a regular file"),
        ("none", str(FILE), "has no branch none"),
    ],
)
async def test_a_manifest_that_cannot_be_read_fails_before_publishing(
    repository: GitRepository, line: ReleaseLine, branch: str, filename: str, error: str
) -> None:
    """The check before publishing fails on a missing file, a folder and a missing branch, and changes no ref."""
    before = repository.git("for-each-ref")
    location = ManifestLocation(branch, Filename.parse(filename))
    with pytest.raises(StageError, match=error):
        await raise_if_undeployable(Infrastructure(repository.url), location, line)
    assert repository.git("for-each-ref") == before


@pytest.mark.fault(16)
async def test_a_commit_that_lands_first_is_kept(repository: GitRepository, line: ReleaseLine) -> None:
    """A deploy that loses a race repeats its edit on top of the commit that won."""
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", f"[ -e raced ] && exit; touch raced; {FASTER}")
    deployed = await run(repository, line, 2)
    assert repository.git("log", "--format=%s", f"{before}..main").splitlines() == [
        f"{FILE}: owner/service v1.0.2",
        "faster",
    ]
    assert repository.git("rev-parse", "main").strip() == deployed.commit


@pytest.mark.fault(16)
async def test_losing_every_race_fails(
    repository: GitRepository, line: ReleaseLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deploy gives up after a bounded number of lost races, and its error advises to run again."""
    monkeypatch.setattr(retry, "ATTEMPTS", 3)
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", FASTER)
    with pytest.raises(InfrastructureConflict, match=f"^deploy: {FILE} could not be pushed to main.*run again"):
        await run(repository, line, 2)
    assert repository.git("log", "--format=%s", f"{before}..main").split() == ["faster"] * 3


@pytest.mark.fault(18)
async def test_a_refusal_is_not_tried_again(repository: GitRepository, line: ReleaseLine) -> None:
    """A push that the server refuses is not repeated."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", "echo x >>attempts; exit 1")
    with pytest.raises(InfrastructureAccessDenied):
        await run(repository, line, 2)
    assert (repository.bare / "attempts").read_text() == "x\n"


@pytest.mark.fault(28)
async def test_a_dropped_push_is_repeated(repository: GitRepository, line: ReleaseLine) -> None:
    """A push whose connection breaks is repeated."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("pre-receive", "[ -e dropped ] && exit; touch dropped; kill -9 $PPID")
    await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.2")


@pytest.mark.fault(28)
async def test_a_connection_that_drops_after_the_write_makes_no_second_commit(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """If the connection breaks after the server has written, the next attempt finds the version there and stops."""
    before = repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    repository.hook("post-update", "[ -e dropped ] && exit; touch dropped; kill -9 $PPID")
    await run(repository, line, 2)
    assert repository.git("rev-list", "--count", f"{before}..main").strip() == "1"


@pytest.mark.fault(16)
async def test_twenty_runs_on_twenty_files_lose_nothing(repository: GitRepository, line: ReleaseLine) -> None:
    """Twenty simultaneous deploys to twenty files make twenty commits."""
    names = [Filename.parse(f"manifests/{number}.yaml") for number in range(20)]
    before = repository.push({str(name): manifest("owner/service:v1.0.1") for name in names})

    async def one(name: Filename) -> None:
        deployment = Deployment(line, line.versions.version(2), DIGEST)
        await deploy(Infrastructure(repository.url), ManifestLocation("main", name), deployment)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(one, name)
    assert {repository.git("show", f"main:{name}") for name in names} == {manifest("owner/service:v1.0.2")}
    assert repository.git("rev-list", "--count", f"{before}..main").strip() == "20"


@pytest.mark.fault(16)
async def test_twenty_runs_on_one_file_lose_nothing(repository: GitRepository) -> None:
    """Twenty services that share a manifest deploy at once, and each reference names its own version."""
    images = [f"owner/service-{number}" for number in range(20)]
    repository.push({str(FILE): manifest(*[f"{image}:v1.0.1" for image in images])})

    async def one(number: int) -> None:
        own = ReleaseLine.parse(images[number], "v1.0")
        deployment = Deployment(own, own.versions.version(100 + number), None)
        await deploy(Infrastructure(repository.url), LOCATION, deployment)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    named = [f"{image}:v1.0.{100 + number}" for number, image in enumerate(images)]
    assert repository.git("show", f"main:{FILE}") == manifest(*named)


@pytest.mark.fault(17)
async def test_twenty_versions_of_one_service_end_at_the_newest(repository: GitRepository, line: ReleaseLine) -> None:
    """Twenty simultaneous deploys of one service end at the newest version, and no commit moves back."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})

    async with anyio.create_task_group() as group:
        for number in range(1, 21):
            group.start_soon(run, repository, line, number)
    log = repository.git("log", "--reverse", "--format=%s", "main")
    landed = [int(subject.rpartition(".")[2]) for subject in log.splitlines() if "owner/service" in subject]
    assert landed == sorted(landed)
    assert landed[-1] == 20
