"""What the responses of git servers mean; the messages are those of the hosting services."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.git_server import (
    denial,
    excerpt,
    is_conflict,
    is_denied_line,
    is_temporary,
    page_denial,
    push_remedy,
    rejection_remedy,
    response_text,
)

GITLAB = """

========================================================================

ERROR: You are not allowed to push code to protected branches on this project.

========================================================================

"""
PROGRESS = "Resolving deltas:   0% (0/2)\rResolving deltas: 100% (2/2), completed with 2 local objects.\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (GITLAB, "ERROR: You are not allowed to push code to protected branches on this project."),
        (
            f"{PROGRESS}error: GH006: Protected branch update failed for refs/heads/main.        \n",
            "GH006: Protected branch update failed for refs/heads/main.",
        ),
        ("remote: \nremote: Gitea: Not allowed to push\nremote:\n", "Gitea: Not allowed to push"),
        ("\nerror:\nerror: Not allowed to push\nerror:\n", "Not allowed to push"),
        ("remote: error: GH006: error: protected\n", "GH006: error: protected"),
        ("\x1b[1;31mrejected\x1b[0m\x1b]0;title\x07 by \x1b(Bpolicy", "rejected by policy"),
        ("a\x00b\x08c\tand  d", "a b c and d"),
        ("checking …\rrejected: ticket missing\r\n", "rejected: ticket missing"),
        ("-----\n#####\n", ""),
        ("Analyzing objects... (3/3) (5 ms)\nStoring index... done (46 ms)\nTF402455: no\n", "TF402455: no"),
        ("提交者未验证", "提交者未验证"),
        ("", ""),
    ],
)
def test_the_excerpt_is_what_a_person_reads(text: str, shown: str) -> None:
    """Progress, colours, frames and control characters are left out; letters of all languages stay."""
    assert excerpt(text) == shown


def test_the_excerpt_of_a_long_text_has_its_beginning_and_its_end() -> None:
    """A long text loses its middle: a banner may precede the reason, and a link may follow it."""
    shown = excerpt("\n".join(["first", *["the same line again and again"] * 100, "last"]))
    assert shown.startswith("first the same")
    assert shown.endswith("again last")
    assert " … " in shown


def test_the_excerpt_has_no_secret() -> None:
    """Secrets are replaced before the text is cut, so that none is shown by half."""
    text = "x" * 145 + "canary-51c7" + "y" * 400
    assert "can" not in excerpt(text, ["canary-51c7"])


@given(st.text(), st.text(min_size=1))
def test_the_excerpt_is_one_short_line(text: str, secret: str) -> None:
    """Whatever a server sends, the excerpt is one printable line of bounded length."""
    shown = excerpt(text, [secret])
    assert shown.isprintable()
    assert len(shown) <= 303


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\xef\xbb\xbfRepository not found.\n", "Repository not found."),
        (b'{"message":"Not Found","documentation_url":"https://docs"}', "Not Found"),
        (b'{"error":"insufficient_scope","error_description":"needs write_repository"}', "needs write_repository"),
        (b'{"type":"error","error":{"message":"Access denied","detail":"use a token"}}', "Access denied"),
        (b'{"errors":[{"context":null,"message":"Authentication failed"}]}', "Authentication failed"),
        (b'{"$id":"1","innerException":null,"message":"TF401019: The repository does not exist"}', "TF401019: The"),
        (b'[{"code":1}, "second"]', "second"),
        (b"{not JSON}", "{not JSON}"),
        (b"{}", ""),
        (b"<html><head><TITLE lang=en>Sign In</TITLE></head><body>x", "Sign In"),
        (b"<p>Forbidden", ""),
        (b"\xef\xbb\xbf<!DOCTYPE html><title>Anmelden &middot; GitLab</title>", "Anmelden · GitLab"),
        (b"<?xml version='1.0'?><Error><Code>X</Code><Message>No rights</Message></Error>", "No rights"),
        ("Kein Zugriff für robot".encode("latin-1"), "Kein Zugriff für robot"),
        (b'{"Message":"User is not authorized"}', "User is not authorized"),
        (b"", ""),
    ],
)
def test_the_text_of_a_response_is_its_message(body: bytes, text: str) -> None:
    """The message of a response is its text, that of a JSON object, or the title of a page."""
    assert response_text(body).startswith(text)
    assert bool(response_text(body)) is bool(text)


def test_a_deep_json_is_shown_as_text() -> None:
    """JSON that is nested deeper than it can be parsed is no error."""
    assert response_text(b"[" * 60_000).startswith("[[")
    assert response_text(json.dumps({"message": ["a"]}).encode()) == "a"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_may_change_is_no_denial(status: int) -> None:
    """A status after which the same request may succeed denies nothing."""
    assert denial(status, "", has_token=True) is None


@pytest.mark.parametrize("status", [203, 204, 301, 307, 400, 401, 402, 403, 404, 405, 407, 410, 413, 422, 451])
def test_any_other_status_is_a_denial(status: int) -> None:
    """Every other status denies access, with its number, the reason and a remedy."""
    denied = denial(status, "ask team A", has_token=True)
    assert denied
    assert denied[0].endswith(f": HTTP status {status} ask team A")
    assert denied[1]


def test_a_missing_token_is_told_from_a_wrong_one() -> None:
    """A 401 without a token asks for one, and with one asks to check it."""
    assert denial(401, "", has_token=False) == (
        "does not accept requests without a token: HTTP status 401",
        "give a token with --infra-token",
    )
    assert "does not accept the token" in str(denial(401, "", has_token=True))


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "GH006: Protected branch update failed. Changes must be made through a pull request.",
            "without a pull request",
        ),
        ("TF402455: Pushes to this branch are not permitted", "without a pull request"),
        ("GH013: Commits must have verified signatures. Found 1 violation", "does not sign commits"),
        ("Commit must be signed with a GPG key", "does not sign commits"),
        ("VS403702: The push was rejected because one or more commits have an invalid e-mail", "--infra-committer"),
        ("Committer's email 'a@b' does not follow the pattern '@corp'", "--infra-committer"),
        ("GH007: Your push would publish a private email address.", "--infra-committer"),
        ("This repository was archived so it is read-only.", "make the repository writable again"),
        ("This repo is archived. You cannot push or open issues/pull requests.", "make the repository writable again"),
        ("The repository is temporarily read-only. Please try again later.", "make the repository writable again"),
        ("You can't push code to a read-only GitLab instance.", "make the repository writable again"),
        ("mirror repository is read-only", "that this one mirrors"),
        ("branch env/main is protected from unverified commit 3f0c", "does not sign commits"),
        ("branch main is protected from changing file k8s/service.yaml", "out of the files that the server protects"),
        ("File name service.yaml was prohibited by the pattern 'yaml$'.", "out of the files that the server protects"),
        ("Gitea: User permission denied for writing.", "give the user of the token write access"),
        ("You are not allowed to push code to this project.", "give the user of the token write access"),
        ("TF401027: You need the Git 'GenericContribute' permission", "give the user of the token write access"),
        ("The 'corp' organization has enabled or enforced SAML SSO.", "single sign-on"),
        ("the organization has an IP allow list enabled", "add the runner's address"),
        ("this repository is restricted to read-only access", "make the repository writable again"),
        ("At least 1 approving review is required by reviewers with write access.", "without a pull request"),
        ("rejected because this repository has exceeded its size limit", "make room on the server"),
    ],
)
def test_a_known_reason_has_its_own_remedy(reason: str, remedy: str) -> None:
    """The reasons of the hosting services for which a remedy is known lead to it."""
    assert remedy in (rejection_remedy(reason) or "")


@pytest.mark.parametrize(
    "reason",
    [
        "commits need a ticket number; questions by e-mail to git@corp.example",
        "You are not allowed to push code to protected branches on this project.",
        "missing Signed-off-by line",
        "authorization failed",
        "this token is read-only",
        "Not allowed to push to protected branch main",
        "",
    ],
)
def test_an_unknown_reason_has_no_remedy_of_its_own(reason: str) -> None:
    """A reason whose words only resemble a known one gives no hint that would mislead."""
    assert rejection_remedy(reason) is None


@pytest.mark.parametrize(
    ("ref", "remedy"),
    [
        ("refs/heads/main", "check the protection of the branch and what the server's hooks require"),
        ("refs/claims/docker.io/owner/service/v1.0.1", "let the token's user create refs below refs/claims/, which"),
        ("refs/records/owner/service/v1.0.1", "let the token's user create refs below refs/records/, which"),
    ],
)
def test_the_remedy_for_a_push_is_about_its_ref(ref: str, remedy: str) -> None:
    """Without a hint in the reason, the remedy is for the branch or for refs beside it."""
    assert push_remedy(ref, "deny updating a hidden ref").startswith(remedy)
    assert "does not sign commits" in push_remedy(ref, "commits must be signed")


@pytest.mark.parametrize(
    ("status", "conflict"),
    [
        ("non-fast-forward", True),
        ("failed to update ref", True),
        ("cannot lock ref 'refs/heads/main': is at 1 but expected 2", True),
        ("Reference already exists", True),
        ("TF401028: The reference 'refs/heads/main' has already been updated by another client", True),
        ("pre-receive hook declined", False),
        ("protected branch hook declined", False),
        ("shallow update not allowed", False),
    ],
)
def test_a_conflict_is_told_from_a_rejection(status: str, conflict: bool) -> None:  # noqa: FBT001 - the expected value
    """The statuses of a ref that another writer has changed are conflicts, all others rejections."""
    assert is_conflict(status) is conflict


def test_a_page_to_sign_in_asks_for_a_token() -> None:
    """Without a token, a page that asks to sign in has another remedy than with one; any other page is no denial."""
    denied = page_denial(b"", "Sign in · GitLab", has_token=False)
    assert denied == (
        "answers with a page instead of git's protocol: Sign in · GitLab",
        "give a token with --infra-token",
    )
    assert page_denial(b"<p>We are back soon", "We are back soon", has_token=True) is None


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b"<title>Anmelden</title><form><input id=user><input id='p' type='password'></form>", "Anmelden"),
        (b'<INPUT TYPE=password name="kennwort">', ""),
        (b'<form action="https://sso"><input type="hidden" name="SAMLRequest" value="x"></form>', "Bitte warten"),
        (b'{"message": "401 Unauthorized"}', "401 Unauthorized"),
    ],
)
def test_a_page_to_sign_in_is_recognized_in_any_language(body: bytes, title: str) -> None:
    """A page with a field for a password, or on the way to a single sign-on, denies access whatever its title is."""
    denied = page_denial(body, title, has_token=True)
    assert denied
    assert denied[0] == f"answers with a page instead of git's protocol: {title}".rstrip(": ")
    assert denied[1].startswith("check the token of --infra-token")


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("access denied or repository not exported: /infra.git", True),
        ("git-receive-pack not permitted on 'infra'", True),
        ("repository 'owner/infra' not found", True),
        ("Repository does not exist", True),
        ("Unauthorized", True),
        ("upload-pack: not our ref 3f0c", False),
        ("storage is offline", False),
        ("object 3f0c not found", False),
        ("", False),
    ],
)
def test_an_error_line_denies_access_or_may_be_gone_later(text: str, *, denied: bool) -> None:
    """An error line about rights or a missing repository is told from one after which another attempt may succeed."""
    assert is_denied_line(text) is denied


@pytest.mark.parametrize(
    ("reason", "temporary"),
    [
        ("Internal Server Error", True),
        ("fatal error in commit_refs", True),
        ("pre-receive hook declined GitLab: Internal API unreachable", True),
        ("pre-receive hook declined Gitea: Internal Server Connection Error", True),
        ("pre-receive hook declined the check timed out", True),
        ("pre-receive hook declined commits need a ticket number", False),
        ("protected branch hook declined for internal branches", False),
    ],
)
def test_a_fault_of_the_server_is_told_from_a_rejection(reason: str, *, temporary: bool) -> None:
    """A push that fails because a part of the service is down may succeed later; a rejected one does not."""
    assert is_temporary(reason) is temporary


@pytest.mark.parametrize("reason", ["You have exceeded a secondary rate limit.", "Too many requests"])
def test_a_rate_limit_is_no_denial(reason: str) -> None:
    """A 403 about a rate limit, as of GitHub, may be gone later and denies nothing."""
    assert denial(403, reason, has_token=True) is None
