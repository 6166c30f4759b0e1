"""A git server over HTTP that denies access or loses responses during a whole release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import answers, loses_the_reply, passes
from tests.unit.steps.deploying import FILE, manifest
from tests.unit.steps.releasing import push_untagged, release

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied, UnsupportedRepository
from stage_ci.steps.remotes import Remotes

if TYPE_CHECKING:
    from tests.servers.fault_proxy import Exchange
    from tests.servers.git import GitProxy, GitRepository
    from tests.servers.loopback import Reply
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.release import ReleaseLine

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

# The request that pushes a claim or a commit: https://git-scm.com/docs/http-protocol
GIT_PUSH: Final = r"^POST \S+/git-receive-pack$"
# The message is GitHub's. The hook accepts claims and rejects the branch, as branch protection does.
PROTECTED_BRANCH: Final = """while read old new ref; do
    case $ref in refs/heads/*) echo 'GH006: protected branch update failed'; exit 1 ;; esac
done"""


def over_http(remotes: Remotes, url: str, token: str) -> Remotes:
    """Return the remotes with the infrastructure repository at ``url``."""
    return Remotes(remotes.registry, Infrastructure(url, token), remotes.destination)


def count_commits(repository: GitRepository) -> int:
    """Return the number of commits on the branch."""
    return int(repository.git("rev-list", "--count", "main"))


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("token", "does not accept the token: .*; check the token of --infra-token"),
        ("rights", "denies access: HTTP status 403 write access .*; give the token read and write access"),
        ("protected", "GH006: protected branch update failed; check the protection of the branch"),
        ("repository", "is not a repository, .*; check --infra-repo"),
    ],
)
async def test_denied_access_to_the_repository_fails_at_once(  # noqa: PLR0913, PLR0917 - both remotes and their servers
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    http_git: GitProxy,
    token: str,
    wrong: str,
    cause: str,
) -> None:
    """A release without access to the repository fails without a retry, publishes nothing and shows no token.

    The protection of a branch is met after the tag was written, because the same server accepts claims.
    """
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    commits = count_commits(repository)
    if wrong == "rights":
        http_git.script(r"service=git-receive-pack$", answers(403, b"write access to repository not granted"))
    if wrong == "protected":
        repository.hook("pre-receive", PROTECTED_BRANCH)
    url = http_git.url(repository)
    denied = over_http(
        remotes,
        url.replace("infra.git", "none.git") if wrong == "repository" else url,
        "canary-wrong" if wrong == "token" else token,
    )
    with pytest.raises(InfrastructureAccessDenied, match=cause) as failed:
        await release(denied, line, push_untagged(registry_server))
    assert "canary" not in str(failed.value)
    assert count_commits(repository) == commits
    assert len([request for request in http_git.lines if re.search(GIT_PUSH, request)]) <= 3
    assert wrong == "protected" or registry_server.tags == {}


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("capability", "cause"), [(b"shallow", "shallow clones"), (b"report-status", "the result of a push")]
)
async def test_a_server_that_cannot_be_used_is_met_before_the_push(  # noqa: PLR0913, PLR0917 - as above
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    http_git: GitProxy,
    token: str,
    capability: bytes,
    cause: str,
) -> None:
    """A release to a server that lacks what it needs fails without a claim, a tag or a commit."""

    def misspelled(exchange: Exchange) -> Reply:
        reply = exchange.forward()
        return reply._replace(body=reply.body.replace(capability, capability[:-1] + b"_"))

    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    http_git.script("info/refs", misspelled)
    with pytest.raises(UnsupportedRepository, match=cause):
        await release(over_http(remotes, http_git.url(repository), token), line, push_untagged(registry_server))
    assert registry_server.tags == {}
    assert repository.git("for-each-ref", "refs/claims/") == ""


@pytest.mark.fault(18)
async def test_a_protected_branch_is_met_before_the_claim_if_the_host_says_so(  # noqa: PLR0913, PLR0917 - as above
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    http_git: GitProxy,
    token: str,
) -> None:
    """A release to a branch of which the host says that the token may not push fails without a claim or a tag."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    http_git.script("GET /api/v1/repos/", answers(200, b'{"name": "main", "user_can_push": false}'))
    with pytest.raises(InfrastructureAccessDenied, match="would reject a push to main"):
        await release(over_http(remotes, http_git.url(repository), token), line, push_untagged(registry_server))
    assert registry_server.tags == {}
    assert repository.git("for-each-ref", "refs/claims/") == ""


@pytest.mark.fault(28)
@pytest.mark.parametrize("which", ["claim", "record", "commit"])
async def test_a_push_with_a_lost_response_is_not_repeated(  # noqa: PLR0913, PLR0917 - as above
    remotes: Remotes,
    line: ReleaseLine,
    registry_server: RegistryServer,
    repository: GitRepository,
    http_git: GitProxy,
    token: str,
    which: str,
) -> None:
    """If the response to a push is lost, the release finds that the server accepted it and continues."""
    repository.push({str(FILE): manifest("owner/service:v1.0.0")})
    commits = count_commits(repository)
    http_git.script(GIT_PUSH, passes, times=["claim", "record", "commit"].index(which))
    http_git.script(GIT_PUSH, loses_the_reply, times=1)
    version, digest, deployed = await release(
        over_http(remotes, http_git.url(repository), token), line, push_untagged(registry_server)
    )
    assert str(version) == "v1.0.1"
    assert registry_server.tags == {"v1.0.1": str(digest)}
    assert repository.git("rev-parse", "main").strip() == deployed.commit
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.1")
    claims = repository.git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/claims/").split()
    assert claims == ["v1.0.1"]
    assert count_commits(repository) == commits + 1
