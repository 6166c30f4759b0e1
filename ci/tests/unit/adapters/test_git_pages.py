"""Responses that are not of git's protocol, error lines within it, and faults of the server during a push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureError, InfrastructureUnavailable

if TYPE_CHECKING:
    from tests.servers.loopback import Reply
    from tests.unit.adapters.conftest import Scripting, Server

CLAIM: Final = "refs/claims/docker.io/owner/service/-/v1.0.1"
READ: Final = "GET /owner/infra.git/info/refs?service=git-upload-pack"
WRITE: Final = "GET /owner/infra.git/info/refs?service=git-receive-pack"
PUSH: Final = "POST /owner/infra.git/git-receive-pack"
CAPABILITIES: Final = b"report-status side-band-64k"
TOKEN: Final = "canary-51c7"  # noqa: S105 - a canary

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


def packet(content: bytes) -> bytes:
    """Return a line of the git protocol: https://git-scm.com/docs/gitprotocol-common."""
    return b"%04x" % (len(content) + 4) + content


def advertise(script: Scripting, service: bytes, *lines: bytes) -> Reply:
    """Return an advertisement of version 0 with these lines."""
    body = packet(b"# service=git-%s\n" % service) + b"0000" + b"".join(map(packet, lines)) + b"0000"
    return script.reply(body=body, headers={"Content-Type": f"application/x-git-{service.decode()}-advertisement"})


async def list_refs(server: Server) -> str:
    """List the refs of a repository; return the error."""
    with pytest.raises(InfrastructureError) as failed:
        await Infrastructure(f"{server.url}/owner/infra.git", TOKEN).refs("refs/")
    return f"{type(failed.value).__name__} {failed.value}"


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("kind", "body", "title"),
    [
        ("text/html", "<title>Anmelden</title><input name=kennwort type=password>", "Anmelden"),
        ("Text/HTML; charset=utf-8", "<input type='hidden' name='SAMLRequest' value='x'>", ""),
        ("application/xhtml+xml", "<title>Sign in</title>", "Sign in"),
        ("application/json", '{"message": "401 Unauthorized"}', "401 Unauthorized"),
        ("", "Access denied", "Access denied"),
    ],
)
async def test_a_response_that_asks_to_sign_in_denies_access(
    server: Server, script: Scripting, kind: str, body: str, title: str
) -> None:
    """A page to sign in is recognized in any language and type, and is not to be asked again."""
    server.on(READ, script.reply(body=body.encode(), headers={"Content-Type": kind} if kind else {}))
    error = await list_refs(server)
    assert error.startswith("InfrastructureAccessDenied")
    assert f"answers with a page instead of git's protocol{title and f': {title}'}; check the token" in error


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/html", "<title>Wartung bis 9&nbsp;Uhr</title>", "Wartung bis 9 Uhr"),
        ("application/json", '{"message": "back at noon"}', "back at noon"),
        ("text/plain", "back at noon", "back at noon"),
    ],
)
async def test_another_page_is_unavailable(server: Server, script: Scripting, kind: str, body: str, text: str) -> None:
    """Any other response with status 200 that is not of git's protocol is unavailable, and its text is in the error."""
    server.on(READ, script.reply(body=body.encode(), headers={"Content-Type": kind}))
    error = await list_refs(server)
    assert error.startswith("InfrastructureUnavailable")
    assert f"a page instead of git's protocol: {text}; run again" in error


@pytest.mark.fault(18)
async def test_a_dumb_server_is_unsupported(server: Server, script: Scripting) -> None:
    """A server that offers a repository as plain files takes no pushes, so another run would not help."""
    listing = f"{'1' * 40}\trefs/heads/main\n{'2' * 40}\trefs/tags/v1\n".encode()
    server.on(READ, script.reply(body=listing, headers={"Content-Type": "text/plain; charset=utf-8"}))
    error = await list_refs(server)
    assert error.startswith("UnsupportedRepository")
    assert "speaks only git's dumb protocol" in error
    assert "run again" not in error


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"ERR git-upload-pack not permitted on 'infra'", "InfrastructureAccessDenied"),
        (b"ERR Repository owner/infra not found", "InfrastructureAccessDenied"),
        (b"ERR the storage is offline", "InfrastructureUnavailable"),
    ],
)
async def test_an_error_line_denies_access_or_is_to_be_run_again(
    server: Server, script: Scripting, line: bytes, kind: str
) -> None:
    """An error line about rights or a missing repository denies access; after any other, the run may be repeated."""
    server.on(READ, advertise(script, b"upload-pack", line))
    error = await list_refs(server)
    assert error.startswith(kind)
    assert line.removeprefix(b"ERR ").decode() in error
    assert ("run again" in error) is (kind == "InfrastructureUnavailable")


@pytest.mark.fault(18)
async def test_a_rate_limit_is_to_be_run_again(server: Server, script: Scripting) -> None:
    """A 403 about a rate limit is unavailable, and not a token without rights."""
    server.on(READ, script.json({"message": "You have exceeded a secondary rate limit."}, 403))
    error = await list_refs(server)
    assert error.startswith("InfrastructureUnavailable")
    assert "HTTP status 403 You have exceeded a secondary rate limit.; run again" in error


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("reason", "output", "kind"),
    [
        (b"Internal Server Error", b"", InfrastructureUnavailable),
        (b"pre-receive hook declined", b"GitLab: Internal API unreachable\n", InfrastructureUnavailable),
        (b"pre-receive hook declined", b"GitLab: You cannot push this\n", InfrastructureAccessDenied),
    ],
)
async def test_a_fault_of_the_server_during_a_push_is_to_be_run_again(
    server: Server, script: Scripting, reason: bytes, output: bytes, kind: type[InfrastructureError]
) -> None:
    """A push that is rejected because a part of the service is down is unavailable; any other rejection is final."""
    server.on(WRITE, advertise(script, b"receive-pack", b"0" * 40 + b" capabilities^{}\0" + CAPABILITIES))
    report = packet(b"unpack ok\n") + packet(b"ng %s %s\n" % (CLAIM.encode(), reason)) + b"0000"
    body = (packet(b"\x02" + output) if output else b"") + packet(b"\x01" + report) + b"0000"
    server.on(PUSH, script.reply(body=body, headers={"Content-Type": "application/x-git-receive-pack-result"}))
    with pytest.raises(
        kind, match=f"refused to update {CLAIM}: {reason.decode()} {output.decode()}".rstrip()
    ) as failed:
        await Infrastructure(f"{server.url}/owner/infra.git", TOKEN).create(CLAIM, "claim\n")
    assert type(failed.value) is kind
