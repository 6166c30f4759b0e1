"""What the responses of a git server mean: why it denies a request or rejects a push, and what it says about it.

Sources: gitprotocol-http(5); gitprotocol-pack(5), "Report Status"; RFC 9110, 15 (status codes).
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from stage_ci.rules.credentials import mask
from stage_ci.rules.one_line import one_line, shorten_middle
from stage_ci.rules.registry.protocol import is_transient
from stage_ci.rules.remedies import known_remedy
from stage_ci.rules.response_text import decode, json_message, markup_text

_SHOWN: Final = 300  # characters of a server's message in an error

# What git and servers put before each line that they print.
_PREFIXES: Final = re.compile(r"(?:(?:remote|error):\s*)+")
# The progress of git, "Resolving deltas: 100% (2/2), done.", and of Azure DevOps, "Storing index... done (46 ms)".
_PROGRESS: Final = re.compile(r"[\w ]+(?::\s+\d+% \(\d+/\d+\)|\.\.\. .*\(\d+ ms\)$)")

_UNAUTHORIZED: Final = 401
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: GitHub answers 403 as well as 429.
_LIMITED: Final = re.compile(r"\brate limit|\babuse detection\b|\btoo many requests\b", re.IGNORECASE)
_CHECKED: Final = "check the token of --infra-token, and the user name of --infra-user that the server expects"
_MISSING: Final = "give a token with --infra-token"
_TOKEN: Final = ("does not accept the token", _CHECKED)
# The title of a page that is sent, with status 200, to who must sign in or may not; in any language, it has a field for
# the password or leads to a single sign-on.
_SIGN_IN: Final = re.compile(
    r"\b(?:sign|log)[ -]?(?:in|on)\b|\b(?:un)?authenti|\b(?:un)?authori[sz]|\bprohibited\b|\bdenied\b", re.IGNORECASE
)
_FORM: Final = re.compile(
    rb"""<input\b[^<>]{0,500}(?:\btype\s*=\s*["']?password\b|\bname\s*=\s*["']?SAMLRequest\b)""", re.IGNORECASE
)
_DUMB: Final = re.compile(rb"[0-9a-f]{40,64}\t\S+\n")
# An error line of the git protocol that denies access; any other may be gone later, such as "not our ref".
_DENIED_LINE: Final = re.compile(
    r"\baccess denied\b|\bunauthori[sz]ed\b|\bnot (?:permitted|authori[sz]ed|exported)\b"
    r"|\brepository\b[^:;]{0,200} (?:not found|does not exist)\b",
    re.IGNORECASE,
)
# The reasons of GitHub, GitLab and Gitea for rejecting a push because a part of the service is down.
_TEMPORARY: Final = re.compile(
    r"\binternal (?:server |connection )*error\b|\binternal API\b|\bfatal error in commit_refs\b|\btimed out\b",
    re.IGNORECASE,
)
# For a status that denies access: the cause, written to follow the URL, and the remedy.
_DENIALS: Final = {
    203: _TOKEN,  # the page for signing in, which Azure DevOps sends if it does not know the token
    401: _TOKEN,
    403: ("denies access", "give the token read and write access to the repository's contents"),
    404: (
        "is not a repository, or the token has no access to it",
        "check --infra-repo, and that the token may read the repository",
    ),
    407: ("cannot be reached: the proxy requires a login", "check the user and the password of the proxy"),
}

# The ref statuses with which git and the hosting services report that another writer was faster; any other status
# rejects the push itself.
_CONFLICTS: Final = (
    "already exists",
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock",
    "failed to lock",
    "failed to update ref",
    "failed to write",
    "incorrect old value",
    "reference changed",
    "already been updated by another client",  # TF401028 of Azure DevOps
)

# What a host's message is about, and what can help. The first row whose pattern matches counts.
_REMEDIES: Final = (
    (
        re.compile(r"\bmirror\b", re.IGNORECASE),
        "give the repository that this one mirrors with --infra-repo",
    ),
    (
        # Before pull requests, which Gitea names in the same sentence.
        re.compile(
            r"\barchived\b|\bread[- ]only (?:\w+ )?(?:instance|repository)\b"
            r"|\b(?:repository|repo|project|instance) is (?:\w+ ){0,2}read[- ]only\b",
            re.IGNORECASE,
        ),
        "make the repository writable again, or give another one with --infra-repo",
    ),
    (
        re.compile(r"pull request|merge request|\bapproving review\b|\bTF402455\b", re.IGNORECASE),
        "allow the user of the token to push to this branch without a pull request, or give another --infra-branch",
    ),
    (
        re.compile(
            r"\bsigned\b(?![- ]off)|\bunsigned\b|\bsignatures?\b|\bGPG\b|\bunverified commits?\b", re.IGNORECASE
        ),
        "the pipeline does not sign commits: allow unsigned commits of its user, or give another --infra-branch",
    ),
    (
        re.compile(r"\bcommitter\b|\bauthor\b|private email|\bVS403702\b", re.IGNORECASE),
        "give a name and an address that the server accepts with --infra-committer",
    ),
    (
        # Gitea and Forgejo; GitLab's push rules.
        re.compile(r"protected from changing file|\bfile name\b.* was prohibited", re.IGNORECASE),
        "take the manifest out of the files that the server protects, or give another --infra-branch",
    ),
    (
        # Gitea and Forgejo; GitLab; Azure DevOps.
        re.compile(
            r"permission denied for writing|not allowed to push code to this project|\bTF401027\b", re.IGNORECASE
        ),
        "give the user of the token write access to the repository",
    ),
)
_BRANCHES: Final = "refs/heads/"
_REJECTED: Final = "check the protection of the branch and what the server's hooks require of this token's user"


def denial(status: int, reason: str, *, has_token: bool) -> tuple[str, str] | None:
    """Return cause and remedy if a status denies access; None if the same request may succeed later.

    Args:
        status: The status of a response, other than 200.
        reason: What the server says about it; may be empty.
        has_token: Whether the request had a token.

    Returns:
        The cause, written to follow the URL, and the remedy.
    """
    if is_transient(status) or _LIMITED.search(reason):
        return None
    cause, remedy = _DENIALS.get(status, ("rejects the request", "check --infra-repo and the token"))
    if status == _UNAUTHORIZED and not has_token:
        cause, remedy = "does not accept requests without a token", _MISSING
    return f"{cause}: HTTP status {status} {reason}".rstrip(), rejection_remedy(reason) or remedy


def page_denial(body: bytes, title: str, *, has_token: bool) -> tuple[str, str] | None:
    """Return cause and remedy if a page instead of git's response asks to sign in; None if it may be gone later.

    Args:
        body: The page.
        title: Its title, such as "Sign-In Prohibited - Gitea"; may be empty.
        has_token: Whether the request had a token.
    """
    if not (_SIGN_IN.search(title) or _FORM.search(body)):
        return None
    cause = f"answers with a page instead of git's protocol: {title}".rstrip(": ")
    return cause, _CHECKED if has_token else _MISSING


def is_dumb(body: bytes) -> bool:
    """Return whether a response is the list of refs of a dumb server (gitprotocol-http(5), "Dumb Clients")."""
    return bool(_DUMB.match(body))


def is_denied_line(text: str) -> bool:
    """Return whether an error line of the git protocol denies access, so that the same request fails again."""
    return bool(_DENIED_LINE.search(text))


def is_temporary(reason: str) -> bool:
    """Return whether a push was rejected because of a fault of the server, so that it may succeed later."""
    return bool(_TEMPORARY.search(reason))


def is_conflict(status: str) -> bool:
    """Return whether the status of a ref after a push reports that another writer was faster."""
    return any(words in status.lower() for words in _CONFLICTS)


def rejection_remedy(reason: str) -> str | None:
    """Return what can help against a rejection, by the words of its reason; None if they give no hint."""
    return known_remedy(reason, _REMEDIES)


def push_remedy(ref: str, reason: str) -> str:
    """Return what can help against the rejection of a push.

    Args:
        ref: The ref that was pushed.
        reason: The status of the ref and what the server printed.
    """
    namespace = "/".join(ref.split("/")[:2])
    other = f"let the token's user create refs below {namespace}/, which the pipeline needs beside the branch"
    return rejection_remedy(reason) or (_REJECTED if ref.startswith(_BRANCHES) else other)


def response_text(body: bytes) -> str:
    """Return the message in the body of a response: plain text, that of JSON or XML, or the title of a page."""
    text = decode(body).strip()
    if text.startswith("<"):
        return markup_text(text)
    if text.startswith(("{", "[")):
        try:
            return json_message(json.loads(text))
        except (ValueError, RecursionError):
            return text
    return text


def excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """Return what a server says in one line, without the middle if it is long.

    A hook may print a banner before its reason and a link behind it. Left out are colours, progress, lines without a
    letter or digit, and control characters.

    Args:
        text: The output of a hook, or the text of a response.
        secrets: What is masked, the longest first.
    """
    # Of a line that was written over with carriage returns, the last text is visible.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in mask(text, secrets).split("\n"))
    stripped = [_PREFIXES.sub("", one_line(line), count=1).strip() for line in lines]
    kept = [line for line in stripped if any(map(str.isalnum, line)) and not _PROGRESS.match(line)]
    return shorten_middle(" ".join(kept), _SHOWN)
