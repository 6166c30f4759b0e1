"""Redirects of a git server: of a renamed repository, to another host, and to a page for signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import answers
from tests.servers.git import git_proxy
from tests.servers.loopback import Reply

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.fault_proxy import Action, Exchange
    from tests.servers.git import GitProxy, GitRepository

MANIFEST: Final = "manifests/default/svm.yaml"
CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
OLD: Final = "/former/name"

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


def moved(status: int, repository: GitRepository, server: str = "") -> Action:
    """Redirect each request for the former name of a repository to its present one."""

    def action(exchange: Exchange) -> Reply:
        target = exchange.request.target.replace(OLD, f"/{repository.path}")
        return Reply(status, b"moved", {"Location": f"{server}{target}"})

    return action


@pytest.fixture
def other_git(git_root: Path, token: str) -> Iterator[GitProxy]:
    """Return another host with the same repositories."""
    with git_proxy(git_root, token) as proxy:
        yield proxy


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_renamed_repository_is_found(
    repository: GitRepository, http_git: GitProxy, token: str, status: int
) -> None:
    """Reads and writes follow the redirect of a renamed repository within the host, with the token."""
    http_git.script(OLD, moved(status, repository))
    infrastructure = Infrastructure(f"http://{http_git.address}{OLD}", token)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    await infrastructure.create(CLAIM, "claim\n")
    assert (await infrastructure.refs("refs/heads/"))["refs/heads/main"] == commit
    assert 401 not in http_git.statuses


@pytest.mark.fault(18)
async def test_a_repository_on_another_host_is_reported(
    repository: GitRepository, http_git: GitProxy, other_git: GitProxy, token: str
) -> None:
    """A redirect to another host, which does not get the token, fails with the address to give instead."""
    there = f"http://{other_git.address}"
    http_git.script(OLD, moved(301, repository, there))
    with pytest.raises(
        InfrastructureAccessDenied,
        match=rf"{OLD} redirects to {there}/{repository.path}, where the token is not sent; .* with --infra-repo",
    ):
        await Infrastructure(f"http://{http_git.address}{OLD}", token).refs("refs/")
    assert [request.authorization for request in other_git.requests if request.authorization] == []


@pytest.mark.fault(18)
@pytest.mark.parametrize("host", ["the same", "another"])
async def test_a_redirect_to_a_page_is_denied_access(
    repository: GitRepository, http_git: GitProxy, other_git: GitProxy, token: str, host: str
) -> None:
    """A redirect to the page for signing in is denied access, and not a server to ask again."""
    address = other_git.address if host == "another" else http_git.address
    http_git.script("info/refs", answers(302, Location=f"http://{address}/_signin?ticket=canary-77"))
    http_git.script("_signin", answers(200, b"<title>Sign in</title>", Content_Type="text/html"))
    other_git.script("", answers(200, b"<title>Sign in</title>", Content_Type="text/html"))
    with pytest.raises(
        InfrastructureAccessDenied, match=rf"redirects to http://{address}/_signin, which is not a"
    ) as failed:
        await Infrastructure(http_git.url(repository), token).refs("refs/")
    assert "canary" not in str(failed.value)


@pytest.mark.fault(18)
async def test_redirects_without_an_end_are_denied_access(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A repository that redirects to itself fails after a few requests, and not as a server to ask again."""
    http_git.script("", moved(301, repository))
    with pytest.raises(InfrastructureAccessDenied, match="rejects the request: HTTP status 301"):
        await Infrastructure(http_git.url(repository), token).refs("refs/")
    assert len(http_git.requests) <= 5
