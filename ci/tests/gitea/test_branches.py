"""Branches of a Gitea server that are protected, missing or written by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.gitea.forge import running_forge
from tests.unit.steps.deploying import FILE, LOCATION, manifest

from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied, ManifestMissing
from stage_ci.rules.decisions import Deployment
from stage_ci.rules.infrastructure import Committer, GitIdentity
from stage_ci.rules.release import ReleaseLine
from stage_ci.steps.deploy import deploy, raise_if_undeployable

if TYPE_CHECKING:
    from tests.gitea.forge import Forge, ForgeRepository

MANIFEST: Final = str(FILE)
LINE: Final = ReleaseLine.parse("owner/service", "v1.0")
UNSIGNED: Final = (
    "the pipeline does not sign commits: allow unsigned commits of its user, or give another --infra-branch"
)

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


async def release(infrastructure: Infrastructure, number: int = 1) -> str:
    """Deploy a version of the line as a run does; return the commit."""
    return (await deploy(infrastructure, LOCATION, Deployment(LINE, LINE.versions.version(number), None))).commit


async def rejected(infrastructure: Infrastructure) -> str:
    """Expect that the commit of a deployment is rejected; return the error."""
    with pytest.raises(InfrastructureAccessDenied) as error:
        await release(infrastructure)
    return str(error.value)


async def foreseen(infrastructure: Infrastructure) -> str:
    """Expect that the rejection is found before anything is published; return the error."""
    with pytest.raises(InfrastructureAccessDenied) as error:
        await raise_if_undeployable(infrastructure, LOCATION, LINE)
    return str(error.value)


@pytest.mark.parametrize("rule", ["main", "m*"])
@pytest.mark.parametrize("rules", [{"enable_push": False}, {"enable_push": True, "enable_push_whitelist": True}])
async def test_a_protected_branch_is_found_before_the_claim_and_by_the_push(
    repository: ForgeRepository, token: str, rule: str, rules: dict[str, bool]
) -> None:
    """A branch that nobody, or only others, may push to is found before the claim, and rejects the push."""
    repository.protect(rule, **rules)
    infrastructure = Infrastructure(repository.url, token)
    assert (await foreseen(infrastructure)).endswith(
        f"{repository.url} would reject a push to main: the user of the token may not push to it; "
        "allow this user to push to it, or give another --infra-branch"
    )
    assert (await rejected(infrastructure)).endswith(
        "the git server refused to update refs/heads/main: pre-receive hook declined Not allowed to push to "
        "protected branch main; check the protection of the branch and what the server's hooks require of this "
        "token's user"
    )


@pytest.mark.parametrize(
    "rules",
    [
        {"enable_push": True},
        {"enable_push": True, "enable_push_whitelist": True, "push_whitelist_usernames": ["writer"]},
        {"enable_push": True, "required_approvals": 2, "enable_status_check": True, "status_check_contexts": ["ci"]},
    ],
)
async def test_a_protected_branch_of_the_token_is_deployed_to(
    repository: ForgeRepository, token: str, rules: dict[str, object]
) -> None:
    """A protected branch to which the user may push is no obstacle, also if merges into it need more."""
    repository.protect("main", **rules)
    infrastructure = Infrastructure(repository.url, token)
    await raise_if_undeployable(infrastructure, LOCATION, LINE)
    assert await release(infrastructure) == repository.git("rev-parse", "main").strip()


@pytest.mark.parametrize("rule", ["main", "**"])
async def test_signed_commits_are_found_before_the_claim_by_an_administrator(
    forge: Forge, repository: ForgeRepository, rule: str
) -> None:
    """A branch that requires signed commits is found before the claim if the token may read its protection."""
    repository.protect(rule, enable_push=True, require_signed_commits=True)
    repository.collaborator("writer", "admin")
    infrastructure = Infrastructure(repository.url, forge.token("writer", "write:repository"))
    assert (await foreseen(infrastructure)).endswith(
        f"would reject a push to main: it requires signed commits; {UNSIGNED}"
    )


async def test_signed_commits_are_found_by_the_push_of_others(repository: ForgeRepository, token: str) -> None:
    """Of a branch that requires signed commits, Gitea says so to others after the push only."""
    repository.protect(enable_push=True, require_signed_commits=True)
    infrastructure = Infrastructure(repository.url, token)
    await raise_if_undeployable(infrastructure, LOCATION, LINE)
    message = await rejected(infrastructure)
    assert "pre-receive hook declined branch main is protected from unverified commit " in message
    assert message.endswith(UNSIGNED)


async def test_a_protected_file_is_found_by_the_push(repository: ForgeRepository, token: str) -> None:
    """A manifest that the branch protects is rejected with the server's words and what to change."""
    repository.protect(enable_push=True, protected_file_patterns="manifests/**.yaml")
    assert (await rejected(Infrastructure(repository.url, token))).endswith(
        f"pre-receive hook declined branch main is protected from changing file {MANIFEST}; "
        "take the manifest out of the files that the server protects, or give another --infra-branch"
    )


async def test_an_unprotected_file_is_deployed_by_an_administrator(forge: Forge, repository: ForgeRepository) -> None:
    """A manifest that a protected branch leaves unprotected is pushed, and the host's answer does not prevent it."""
    repository.protect(enable_push=False, unprotected_file_patterns="manifests/**.yaml")
    repository.collaborator("writer", "admin")
    infrastructure = Infrastructure(repository.url, forge.token("writer", "write:repository"))
    await raise_if_undeployable(infrastructure, LOCATION, LINE)
    assert await release(infrastructure) == repository.git("rev-parse", "main").strip()


async def test_the_token_of_gitea_actions_deploys_to_its_own_repository(
    forge: Forge, repository: ForgeRepository
) -> None:
    """The token of a job writes claims and commits, although Gitea says that its user may push to no branch."""
    infrastructure = Infrastructure(repository.url, forge.actions_token(f"{repository.owner}/{repository.name}"))
    await raise_if_undeployable(infrastructure, LOCATION, LINE)
    await infrastructure.create("refs/claims/docker.io/owner/service/v1.0.1", "claim\n")
    assert await release(infrastructure) == repository.git("rev-parse", "main").strip()
    repository.protect(enable_push=True)
    assert "would reject a push to main: the user of the token may not push" in await foreseen(infrastructure)


async def test_a_forge_below_a_path_is_asked_there() -> None:
    """A server below a path of its host is read, written, and asked about its branch."""
    with running_forge("/tools/git") as forge:
        forge.user("writer")
        repository = forge.repository("infra", {MANIFEST: manifest("owner/service:v1.0.0")}, private=True)
        repository.collaborator("writer", "write")
        infrastructure = Infrastructure(repository.url, forge.token("writer", "write:repository"))
        await raise_if_undeployable(infrastructure, LOCATION, LINE)
        assert await release(infrastructure) == repository.git("rev-parse", "main").strip()
        repository.protect(enable_push=False)
        assert "would reject a push to main: the user of the token may not push" in await foreseen(infrastructure)


@pytest.mark.parametrize("branch", ["env/main", "release-1.0", "größe"])
async def test_a_branch_of_any_name_is_deployed_to(repository: ForgeRepository, token: str, branch: str) -> None:
    """Branches with slashes, dots and other letters are asked about, read and written."""
    repository.call("POST", "/branches", new_branch_name=branch, old_branch_name="main")
    infrastructure = Infrastructure(repository.url, token)
    await infrastructure.raise_if_protected(branch)
    snapshot = await infrastructure.snapshot(branch, MANIFEST)
    commit = await infrastructure.commit(snapshot, branch, MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", branch).strip() == commit
    repository.protect(branch, enable_push=False)
    with pytest.raises(InfrastructureAccessDenied, match="would reject a push to"):
        await infrastructure.raise_if_protected(branch)


async def test_a_missing_branch_is_reported_with_those_that_exist(repository: ForgeRepository, token: str) -> None:
    """A branch that does not exist is reported with the branches of the repository."""
    repository.call("POST", "/branches", new_branch_name="production", old_branch_name="main")
    infrastructure = Infrastructure(repository.url, token)
    with pytest.raises(
        InfrastructureAccessDenied, match=r"has no branch staging; check --infra-branch; it has main, production$"
    ):
        await infrastructure.snapshot("staging", MANIFEST)
    await infrastructure.raise_if_protected("staging")


async def test_an_empty_repository_is_reported(forge: Forge, token: str) -> None:
    """A repository without a commit is reported as empty, and as nothing to be deployed to."""
    repository = forge.repository("infra-empty", {}, private=True)
    repository.collaborator("writer", "write")
    infrastructure = Infrastructure(repository.url, token)
    assert await infrastructure.refs("refs/") == {}
    with pytest.raises(
        InfrastructureAccessDenied, match="is empty, so it has no branch main; commit the deployment manifest to it"
    ):
        await raise_if_undeployable(infrastructure, LOCATION, LINE)


async def test_a_missing_manifest_is_reported(repository: ForgeRepository, token: str) -> None:
    """A file that the branch does not have is missing, not denied."""
    snapshot = await Infrastructure(repository.url, token).snapshot("main", "manifests/none.yaml")
    with pytest.raises(ManifestMissing, match=r"manifests/none\.yaml is not in the infrastructure repository"):
        snapshot.read("manifests/none.yaml")


async def test_the_message_of_a_hook_is_in_the_error(repository: ForgeRepository, token: str) -> None:
    """What a hook of the server prints reaches the user, in its own letters."""
    repository.hook("echo 'RÈGLE 7: déploiements gelés dès lundi' >&2; exit 1")
    message = await rejected(Infrastructure(repository.url, token))
    assert "refused to update refs/heads/main: pre-receive hook declined RÈGLE 7: déploiements gelés" in message
    assert "dès lundi; check the protection of the branch and what the server's hooks require" in message


async def test_a_hook_that_checks_the_committer_is_satisfied_with_one(repository: ForgeRepository, token: str) -> None:
    """A hook that requires a committer of its own rejects the default one with the argument that helps."""
    repository.hook(
        'while read old new ref; do git log -1 --format=%ce "$new" | grep -q "@corp.example$" '
        "|| { echo 'the committer must be @corp.example' >&2; exit 1; }; done"
    )
    assert "the committer must be @corp.example; give a name and an address that the server accepts with " in (
        await rejected(Infrastructure(repository.url, token))
    )
    committer = Committer("Release bot", "bot@corp.example")
    infrastructure = Infrastructure(repository.url, token, GitIdentity(committer=committer))
    await infrastructure.create("refs/claims/docker.io/owner/service/v1.0.1", "claim\n")
    assert await release(infrastructure) == repository.git("rev-parse", "main").strip()


async def test_two_writers_of_one_branch_both_deploy(repository: ForgeRepository, token: str) -> None:
    """Two deployments and commits of others at the same time lose nothing, and the higher version stays."""
    before = int(repository.git("rev-list", "--count", "main"))
    infrastructure = Infrastructure(repository.url, token)
    commits = await gather_all(release(Infrastructure(repository.url, token), number) for number in (1, 2))
    written = repository.write("notes.txt", "by hand")
    await release(infrastructure, 3)
    history = repository.git("rev-list", "main").split()
    assert {written, *commits} <= set(history)
    assert len(history) - before in {3, 4}  # the lower version makes no commit if it comes second
    assert repository.git("show", f"main:{MANIFEST}") == manifest("owner/service:v1.0.3")
