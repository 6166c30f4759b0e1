"""What a Gitea server lets a token read and write, and what the error says where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.gitea.forge import PASSWORD
from tests.unit.steps.deploying import FILE, manifest

from stage_ci.adapters.git_objects import text_object
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied
from stage_ci.rules.infrastructure import DEFAULT_COMMITTER, GitIdentity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.gitea.forge import Forge, ForgeRepository

CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
MANIFEST: Final = str(FILE)
WRITE: Final = "give the token read and write access to the repository's contents"
UNKNOWN: Final = "check the token of --infra-token, and the user name of --infra-user that the server expects"
MISSING: Final = "check --infra-repo, and that the token may read the repository"

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


async def denied(operation: Awaitable[object]) -> str:
    """Expect that access is denied; return the error without its step."""
    with pytest.raises(InfrastructureAccessDenied) as error:
        await operation
    assert "canary" not in str(error.value)
    return str(error.value).removeprefix(f"{error.value.step}: ")


def reads(url: str, token: str | None) -> list[Awaitable[object]]:
    """Return everything that the pipeline reads."""
    infrastructure = Infrastructure(url, token)
    return [infrastructure.refs("refs/"), infrastructure.snapshot("main", MANIFEST), infrastructure.read(CLAIM)]


@pytest.mark.parametrize("user", ["x-access-token", "writer", "reader", "oauth2", "nobody-of-this-name"])
async def test_one_scope_reads_and_writes_whatever_the_user_beside_the_token(
    repository: ForgeRepository, token: str, user: str
) -> None:
    """A token with the scope write:repository is enough, and Gitea ignores the user name beside a token."""
    infrastructure = Infrastructure(repository.url, token, GitIdentity(user, DEFAULT_COMMITTER))
    await infrastructure.raise_if_protected("main")
    await infrastructure.create(CLAIM, "claim\n")
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    refs = await infrastructure.refs("refs/")
    assert (refs["refs/heads/main"], refs[CLAIM]) == (commit, text_object("claim\n"))
    assert await infrastructure.read(CLAIM) == "claim\n"
    assert "missing" not in repository.git("fsck", "--full", "--strict", "--no-dangling")


async def test_a_password_needs_its_user(repository: ForgeRepository) -> None:
    """A password instead of a token is accepted beside its user, and denied beside the default one."""
    identity = GitIdentity("writer", DEFAULT_COMMITTER)
    await Infrastructure(repository.url, PASSWORD, identity).create(CLAIM, "claim\n")
    message = await denied(Infrastructure(repository.url, PASSWORD).create(CLAIM, "claim\n"))
    assert (
        message == f"{repository.url} does not accept the token: HTTP status 401 Failed to authenticate user; {UNKNOWN}"
    )


async def test_a_token_that_may_only_read_is_denied_at_the_first_write(
    forge: Forge, repository: ForgeRepository
) -> None:
    """A token with the scope read:repository reads, and its first write is denied with the scope to add."""
    token = forge.token("writer", "read:repository")
    for read in reads(repository.url, token):
        await read
    message = await denied(Infrastructure(repository.url, token).create(CLAIM, "claim\n"))
    assert message == f"{repository.url} denies access: HTTP status 403 Forbidden; {WRITE}"


@pytest.mark.parametrize("scope", ["write:issue", "read:user", "write:package"])
async def test_a_token_of_another_scope_is_denied(forge: Forge, repository: ForgeRepository, scope: str) -> None:
    """A token without a scope for repositories is denied with the scope to add."""
    token = forge.token("writer", scope)
    for operation in (*reads(repository.url, token), Infrastructure(repository.url, token).create(CLAIM, "claim\n")):
        assert await denied(operation) == f"{repository.url} denies access: HTTP status 403 Forbidden; {WRITE}"


async def test_a_token_for_public_repositories_is_denied(forge: Forge, repository: ForgeRepository) -> None:
    """A token that is limited to public repositories is denied access to a private one."""
    token = forge.token("writer", "write:repository", "public-only")
    message = await denied(Infrastructure(repository.url, token).refs("refs/"))
    assert message == f"{repository.url} denies access: HTTP status 403 Forbidden; {WRITE}"


@pytest.mark.parametrize("wrong", ["canary-wrong", "0" * 40, "canary wrong", "canary:wrong"])
async def test_an_unknown_token_is_denied(repository: ForgeRepository, wrong: str) -> None:
    """A token that the server does not know is denied for reading and writing."""
    for operation in (*reads(repository.url, wrong), Infrastructure(repository.url, wrong).create(CLAIM, "claim\n")):
        assert (await denied(operation)).endswith(
            f"does not accept the token: HTTP status 401 Failed to authenticate user; {UNKNOWN}"
        )


async def test_a_private_repository_needs_a_token(repository: ForgeRepository) -> None:
    """Without a token, a private repository asks for one, as does one that does not exist."""
    for url in (repository.url, repository.url.replace("infra", "none")):
        message = await denied(Infrastructure(url).refs("refs/"))
        assert message == (
            f"{url} does not accept requests without a token: HTTP status 401 Unauthorized; "
            "give a token with --infra-token"
        )


async def test_a_public_repository_is_read_without_a_token(create: Callable[..., ForgeRepository]) -> None:
    """A public repository is read without a token, and a write asks for one."""
    url = create(private=False).url
    for read in reads(url, None):
        await read
    message = await denied(Infrastructure(url).create(CLAIM, "claim\n"))
    assert message.endswith("give a token with --infra-token")


async def test_a_missing_repository_is_like_one_of_others(
    forge: Forge, repository: ForgeRepository, token: str
) -> None:
    """A repository that does not exist and one that the user may not see get the same answer."""
    forge.call("DELETE", f"/repos/{repository.owner}/{repository.name}/collaborators/writer")
    for url in (repository.url, repository.url.replace("infra", "none")):
        for operation in reads(url, token):
            assert await denied(operation) == (
                f"{url} is not a repository, or the token has no access to it: "
                f"HTTP status 404 Repository not found; {MISSING}"
            )


async def test_an_unknown_owner_is_no_repository(forge: Forge, token: str) -> None:
    """An owner that does not exist is reported as a repository that does not exist."""
    url = f"{forge.url}/no-such-owner/infra.git"
    message = await denied(Infrastructure(url, token).refs("refs/"))
    assert message.startswith(f"{url} is not a repository, or the token has no access to it: HTTP status 404")
    assert message.endswith(MISSING)


async def test_a_user_who_may_only_read_is_denied_at_the_first_write(forge: Forge, repository: ForgeRepository) -> None:
    """A token that may write, of a user who may only read, is denied by Gitea's hook with the right to add."""
    infrastructure = Infrastructure(repository.url, forge.token("reader", "write:repository"))
    await infrastructure.raise_if_protected("main")
    assert await denied(infrastructure.create(CLAIM, "claim\n")) == (
        f"the git server refused to update {CLAIM}: pre-receive hook declined User permission denied for "
        "writing.; give the user of the token write access to the repository"
    )


async def test_a_disabled_user_is_denied(forge: Forge, create: Callable[..., ForgeRepository]) -> None:
    """The token of a user who may no longer sign in is denied with the title of the page that Gitea sends."""
    repository = create()
    forge.user("leaver")
    repository.collaborator("leaver", "write")
    token = forge.token("leaver", "write:repository")
    forge.call("PATCH", "/admin/users/leaver", login_name="leaver", source_id=0, prohibit_login=True)
    message = await denied(Infrastructure(repository.url, token).refs("refs/"))
    assert message.startswith(
        f"{repository.url} answers with a page instead of git's protocol: Sign-In Prohibited - Gitea"
    )
    assert message.endswith(UNKNOWN)


@pytest.mark.parametrize("moved", ["renamed", "transferred"])
async def test_a_repository_that_moved_is_found(
    forge: Forge, create: Callable[..., ForgeRepository], token: str, moved: str
) -> None:
    """Of a repository that was renamed, or given to another owner, the old URL reads and writes."""
    repository = create()
    infrastructure = Infrastructure(repository.url, token)
    if moved == "renamed":
        repository.call("PATCH", name=f"{repository.name}-new")
        path = f"/repos/{repository.owner}/{repository.name}-new"
    else:
        owner = f"team-{repository.name}"
        forge.call("POST", "/orgs", username=owner)
        repository.call("POST", "/transfer", new_owner=owner)
        path = f"/repos/{owner}/{repository.name}"
    await infrastructure.raise_if_protected("main")
    await infrastructure.create(CLAIM, "claim\n")
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert forge.call("GET", f"{path}/branches/main")["commit"]["id"] == commit
    assert await infrastructure.read(CLAIM) == "claim\n"


async def test_a_renamed_repository_is_asked_about_its_branch(
    create: Callable[..., ForgeRepository], token: str
) -> None:
    """The API of a repository that was renamed says that its branch is protected."""
    repository = create()
    repository.protect(enable_push=False)
    repository.call("PATCH", name=f"{repository.name}-new")
    message = await denied(Infrastructure(repository.url, token).raise_if_protected("main"))
    assert "would reject a push to main: the user of the token may not push to it" in message


async def test_an_archived_repository_is_read_only(repository: ForgeRepository, token: str) -> None:
    """An archived repository is read, and the first write is denied with the server's words."""
    repository.call("PATCH", archived=True)
    for read in reads(repository.url, token):
        await read
    message = await denied(Infrastructure(repository.url, token).create(CLAIM, "claim\n"))
    assert message == (
        f"{repository.url} denies access: HTTP status 403 This repo is archived. You can view files and clone it, but "
        "cannot push or open issues/pull-requests.; make the repository writable again, or give another one with "
        "--infra-repo"
    )


async def test_a_mirror_is_read_only(forge: Forge, create: Callable[..., ForgeRepository], token: str) -> None:
    """A mirror is read, and the first write is denied and asks for the repository that it mirrors."""
    source = create(private=False)
    name = f"{source.name}-mirror"
    forge.call("POST", "/repos/migrate", clone_addr=source.url, repo_name=name, mirror=True, private=True)
    url = source.url.replace(source.name, name)
    forge.call("PUT", f"/repos/{source.owner}/{name}/collaborators/writer", permission="write")
    snapshot = await Infrastructure(url, token).snapshot("main", MANIFEST)
    assert snapshot.read(MANIFEST) == manifest("owner/service:v1.0.0").encode()
    message = await denied(Infrastructure(url, token).create(CLAIM, "claim\n"))
    assert message == (
        f"{url} denies access: HTTP status 403 mirror repository is read-only; "
        "give the repository that this one mirrors with --infra-repo"
    )
