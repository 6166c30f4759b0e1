"""The reasons of a git server in the error about denied access."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import answers

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied

if TYPE_CHECKING:
    from tests.servers.git import GitProxy, GitRepository

CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"


@pytest.mark.fault(18)
async def test_the_text_of_a_403_is_in_the_error(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """A 403 fails with the server's text, because its reason may be an archived repository instead of the token."""
    http_git.script("git-receive-pack", answers(403, b"This repository is archived.\nIt is read-only.\n"))
    with pytest.raises(InfrastructureAccessDenied, match=r"HTTP status 403 This repository is archived\. It is read-"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize("body", ["", "<!DOCTYPE html><p>Forbidden", "no access for {token}", "no access for {header}"])
async def test_a_403_with_markup_or_a_secret_is_reported_by_its_status(
    repository: GitRepository, http_git: GitProxy, token: str, body: str
) -> None:
    """The text of a 403 is not shown if it is an HTML page or contains the token."""
    header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    http_git.script("git-receive-pack", answers(403, body.format(token=token, header=header).encode()))
    with pytest.raises(InfrastructureAccessDenied, match="denies access: HTTP status 403;"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
async def test_the_end_of_a_long_hook_output_is_in_the_error(repository: GitRepository) -> None:
    """A hook that prints a banner before its reason fails the push with the beginning and the end of its output."""
    banner = "for line in 1 2 3 4 5 6 7 8; do echo '== your company =====================================' >&2; done"
    repository.hook("pre-receive", f"{banner}; echo 'commits need a ticket number' >&2; exit 1")
    with pytest.raises(InfrastructureAccessDenied, match=r"== your company =.* … .*commits need a ticket number"):
        await Infrastructure(repository.url).create(CLAIM, "claim\n")
