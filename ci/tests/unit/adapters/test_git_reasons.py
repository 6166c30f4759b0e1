"""The reasons of a git server in the error about a denied request or a rejected push."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import answers
from tests.servers.loopback import Reply

from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable
from stage_ci.rules.infrastructure import GitIdentity

if TYPE_CHECKING:
    from tests.servers.git import GitProxy, GitRepository

CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
PUSH: Final = r"^POST \S+/git-receive-pack$"
BANNER: Final = "for line in 1 2 3 4 5 6 7 8; do echo '== your company =====================================' >&2; done"

# Dulwich leaves the connection of a listing to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


def packet(content: bytes) -> bytes:
    """Return a line of the git protocol: https://git-scm.com/docs/gitprotocol-common."""
    return b"%04x" % (len(content) + 4) + content


def reports(*lines: bytes, output: bytes = b"") -> Reply:
    """Return the reply to a push with the lines of its report, and the output of hooks."""
    report = b"".join(map(packet, lines)) + b"0000"
    body = (packet(b"\x02" + output) if output else b"") + packet(b"\x01" + report) + b"0000"
    return Reply(200, body, {"Content-Type": "application/x-git-receive-pack-result"})


@pytest.mark.fault(18)
async def test_the_text_of_a_403_is_in_the_error(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """A 403 fails with the server's text, because its reason may be an archived repository instead of the token."""
    http_git.script("git-receive-pack", answers(403, b"This repository is archived.\nIt is read-only.\n"))
    with pytest.raises(
        InfrastructureAccessDenied, match=r"HTTP status 403 This repository is archived\. It is read-.*; make the repo"
    ):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("status", "cause", "remedy"),
    [
        (203, "does not accept the token", "check the token of --infra-token"),
        (401, "does not accept the token", "check the token of --infra-token"),
        (403, "denies access", "give the token read and write access"),
        (404, "is not a repository, or the token has no access to it", "check --infra-repo"),
        (407, "cannot be reached: the proxy requires a login", "check the user and the password of the proxy"),
        (410, "rejects the request", "check --infra-repo and the token"),
    ],
)
async def test_a_status_that_denies_access_has_its_cause_and_remedy(  # noqa: PLR0913, PLR0917 - status, cause and remedy of a server
    repository: GitRepository, http_git: GitProxy, token: str, status: int, cause: str, remedy: str
) -> None:
    """Each status that denies access is told apart, with the server's text, and is not retried."""
    http_git.script("", answers(status, b"remote: Ask team A.\n"))
    url = http_git.url(repository)
    with pytest.raises(InfrastructureAccessDenied) as denied:
        await Infrastructure(url, token).refs("refs/")
    assert str(denied.value).startswith(f"deploy: {url} {cause}: HTTP status {status} Ask team A.; {remedy}")
    assert len(http_git.requests) == 1


@pytest.mark.fault(28)
async def test_the_title_of_a_page_is_in_the_error(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """A page with status 200, such as that of a maintenance, is unavailable, and the error has its title."""
    page = b"<!doctype html><head><title>Back at 9</title></head>"
    http_git.script("", answers(200, page, Content_Type="text/html; charset=utf-8"))
    with pytest.raises(InfrastructureUnavailable, match="a page instead of git's protocol: Back at 9; run again"):
        await Infrastructure(http_git.url(repository), token).refs("refs/")


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "title", ["Sign-In Prohibited", "Log in · Company", "Access denied", "Sign in to your account"]
)
async def test_a_page_to_sign_in_denies_access(
    repository: GitRepository, http_git: GitProxy, token: str, title: str
) -> None:
    """A page with status 200 that asks to sign in denies access, and is not retried."""
    page = f"<html><title>{title}</title></html>".encode()
    http_git.script("", answers(200, page, Content_Type="text/html"))
    expected = f"a page instead of git's protocol: {re.escape(title)}; check the token of --infra-token"
    with pytest.raises(InfrastructureAccessDenied, match=expected):
        await Infrastructure(http_git.url(repository), token).refs("refs/")
    assert len(http_git.requests) == 1


@pytest.mark.fault(28)
async def test_the_text_of_a_503_is_in_the_error(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """A server in maintenance is unavailable, and the error has its text."""
    http_git.script("", answers(503, b"down for maintenance until noon"))
    with pytest.raises(InfrastructureUnavailable, match="HTTP status 503 down for maintenance until noon; run again"):
        await Infrastructure(http_git.url(repository), token).refs("refs/")


@pytest.mark.fault(18)
@pytest.mark.parametrize("body", ["", "<!DOCTYPE html><p>Forbidden"])
async def test_a_403_without_a_text_is_reported_by_its_status(
    repository: GitRepository, http_git: GitProxy, token: str, body: str
) -> None:
    """A 403 with nothing but markup is reported by its status alone."""
    http_git.script("git-receive-pack", answers(403, body.encode()))
    with pytest.raises(InfrastructureAccessDenied, match="denies access: HTTP status 403;"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize("body", ["no access for {}", "{} ", "x" * 70_000 + "{}", "x" * (65_536 - 8) + "{}"])
@pytest.mark.parametrize("form", ["plain", "header"])
async def test_a_secret_in_the_text_of_a_403_is_not_shown(
    repository: GitRepository, http_git: GitProxy, token: str, body: str, form: str
) -> None:
    """The token and the header that holds it are left out of the server's text, also where the text is cut."""
    secret = base64.b64encode(f"oauth2:{token}".encode()).decode() if form == "header" else token
    http_git.script("git-receive-pack", answers(403, body.format(secret).encode()))
    infrastructure = Infrastructure(http_git.url(repository), token, GitIdentity(user="oauth2"))
    with pytest.raises(InfrastructureAccessDenied, match="denies access: HTTP status 403") as denied:
        await infrastructure.create(CLAIM, "claim\n")
    assert secret[:6] not in str(denied.value)
    assert token not in str(denied.value)


@pytest.mark.fault(18)
async def test_a_token_where_a_long_text_is_cut_is_not_shown(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """Of a text that is cut by the length of the longest secret, no part of a shorter one is left."""
    identity = GitIdentity(user="a-user-with-a-long-name")
    longest = max(map(len, identity.secrets(token)))
    body = "x" * (65_537 - longest - len(token)) + token + "y" * 1_000
    http_git.script("git-receive-pack", answers(403, body.encode()))
    with pytest.raises(InfrastructureAccessDenied, match="denies access: HTTP status 403") as denied:
        await Infrastructure(http_git.url(repository), token, identity).create(CLAIM, "claim\n")
    assert token[:6] not in str(denied.value)


@pytest.mark.fault(18)
@pytest.mark.parametrize("transport", ["git", "http"])
async def test_the_end_of_a_long_hook_output_is_in_the_error(
    repository: GitRepository, http_git: GitProxy, token: str, transport: str
) -> None:
    """A hook that prints a banner before its reason fails the push with the beginning and the end of its output."""
    repository.hook("pre-receive", f"{BANNER}; echo 'commits need a ticket number' >&2; exit 1")
    url = repository.url if transport == "git" else http_git.url(repository)
    with pytest.raises(InfrastructureAccessDenied, match=r"== your company =.* … .*commits need a ticket number"):
        await Infrastructure(url, token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
async def test_the_output_of_a_hook_keeps_its_letters_and_loses_its_colours(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """The output of a hook is shown with its umlauts, and without colours, secrets and control characters."""
    output = f"\\033[31mNur geprüfte\\033[0m Änderungen\\a von {token}\\n"
    repository.hook("pre-receive", f"printf '{output}' >&2; exit 1")
    with pytest.raises(InfrastructureAccessDenied, match=r"declined Nur geprüfte Änderungen von \*\*\*;"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
async def test_a_rejected_committer_is_reported_with_the_argument_that_helps(
    repository: GitRepository, http_git: GitProxy, token: str, hook: str
) -> None:
    """A hook that accepts some committers only rejects the claim of others, and the error names the argument."""
    check = "git log -1 --format=%ce $n | grep -q @corp.example || { echo 'committer is not verified'; exit 1; }"
    repository.hook(hook, f"while read o n r; do {check}; done" if hook == "pre-receive" else f"n=$3; {check}")
    url = http_git.url(repository)
    with pytest.raises(InfrastructureAccessDenied, match=r"committer is not verified.*; give .* --infra-committer$"):
        await Infrastructure(url, token).create(CLAIM, "claim\n")
    committer = GitIdentity.parse("robot", "Release bot <bot@corp.example>")
    await Infrastructure(url, token, committer).create(CLAIM, "claim\n")
    assert repository.git("log", "-1", "--format=%an %ae %cn %ce", CLAIM).strip() == " ".join(
        ["Release bot", "bot@corp.example"] * 2
    )


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (
            [b"unpack ok\n", b"ng %s TF402455: Pushes to this branch are not permitted\n"],
            "TF402455: Pushes to this branch are not permitted; allow the user of the token to push",
        ),
        ([b"unpack ok", b"ng %s policy \xe9 \xff"], "policy"),
        ([b"unpack disk is full\n", b"ng %s unpacker error\n"], "unpacker error unpack disk is full"),
    ],
)
async def test_the_reason_of_a_ref_is_in_the_error(
    repository: GitRepository, http_git: GitProxy, token: str, lines: list[bytes], shown: str
) -> None:
    """The reason in the report of a push is in the error, also if it is no UTF-8, or about the objects."""
    reply = reports(*(line.replace(b"%s", CLAIM.encode()) for line in lines))
    http_git.script(PUSH, lambda _: reply)
    with pytest.raises(InfrastructureAccessDenied, match=f"refused to update {CLAIM}: .*{shown}"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize("transport", ["git", "http"])
@pytest.mark.parametrize("ref", [CLAIM, "refs/records/docker.io/owner/service/v1.0.1"])
async def test_a_server_that_hides_refs_is_reported(
    repository: GitRepository, http_git: GitProxy, token: str, transport: str, ref: str
) -> None:
    """A server that accepts no refs beside branches refuses a claim, and the remedy is about refs, not branches."""
    namespace = ref.rpartition("/docker.io/")[0]
    repository.git("config", "receive.hideRefs", namespace)
    url = repository.url if transport == "git" else http_git.url(repository)
    message = f"refused to update {ref}: deny updating a hidden ref; let the token's user create refs .* {namespace}/,"
    with pytest.raises(InfrastructureAccessDenied, match=message):
        await Infrastructure(url, token).create(ref, "text\n")


@pytest.mark.fault(16)
async def test_a_conflict_of_azure_devops_is_a_conflict(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """The status with which Azure DevOps reports that another writer was faster is a conflict, which is retried."""
    reason = b"TF401028: The reference '%s' has already been updated by another client, so you cannot update it."
    reply = reports(b"unpack ok", b"ng %s " % CLAIM.encode() + reason % CLAIM.encode())
    http_git.script(PUSH, lambda _: reply)
    with pytest.raises(RefConflict):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(28)
@pytest.mark.parametrize("lines", [[], [b"unpack ok"], [b"unpack ok", b"ok refs/heads/other"]])
async def test_a_push_without_a_result_is_not_taken_for_a_success(
    repository: GitRepository, http_git: GitProxy, token: str, lines: list[bytes]
) -> None:
    """A report that does not name the ref fails with the output of the server, and is retried."""
    reply = reports(*lines, output=b"replica is behind\n")
    http_git.script(PUSH, lambda _: reply)
    with pytest.raises(InfrastructureUnavailable, match="no result of the push replica is behind"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(28)
async def test_an_error_line_is_in_the_error(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """An error line of the git protocol, which ends a fetch, is in the error."""
    http_git.script(
        r"POST \S+/git-upload-pack$",
        lambda _: Reply(
            200, packet(b"ERR storage is offline\n"), {"Content-Type": "application/x-git-upload-pack-result"}
        ),
    )
    with pytest.raises(InfrastructureUnavailable, match="storage is offline"):
        await Infrastructure(http_git.url(repository), token).refs("refs/")
