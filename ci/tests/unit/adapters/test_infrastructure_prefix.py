"""Which refs the infrastructure repository sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.infrastructure import Infrastructure

if TYPE_CHECKING:
    from tests.servers.fault_proxy import Exchange
    from tests.servers.git import GitProxy, GitRepository
    from tests.servers.loopback import Reply

CLAIMS: Final = "refs/claims/docker.io/owner/service/"
CLAIM: Final = f"{CLAIMS}v1.0.1"
OTHER: Final = "refs/claims/docker.io/owner/other/v1.0.1"


@pytest.fixture
def claimed(repository: GitRepository) -> GitRepository:
    """Return a repository with one claim of each of two images."""
    for ref in (CLAIM, OTHER):
        repository.git("update-ref", ref, "main")
    return repository


async def test_a_server_sends_no_claims_of_other_images(claimed: GitRepository, http_git: GitProxy, token: str) -> None:
    """Neither a listing of one image's claims nor a snapshot makes the server send the claims of other images."""
    sent = bytearray()

    def record(exchange: Exchange) -> Reply:
        reply = exchange.forward()
        sent.extend(reply.body)
        return reply

    http_git.script("", record)
    infrastructure = Infrastructure(http_git.url(claimed), token)
    snapshot = await infrastructure.snapshot("main", "README.md")
    assert await infrastructure.refs(CLAIMS) == {CLAIM: snapshot.commit}
    assert CLAIM.encode() in sent
    assert OTHER.encode() not in sent


async def test_a_listing_holds_only_refs_with_the_prefix(claimed: GitRepository) -> None:
    """On a git daemon as well, a listing with a prefix has no other refs, and may be empty."""
    infrastructure = Infrastructure(claimed.url)
    assert list(await infrastructure.refs(CLAIMS)) == [CLAIM]
    assert await infrastructure.refs("refs/claims/docker.io/owner/new/") == {}
