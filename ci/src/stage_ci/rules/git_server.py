"""What the responses of a git server mean: why it denies a request or rejects a push, and what it says about it.

Sources: gitprotocol-http(5); gitprotocol-pack(5), "Report Status"; RFC 9110, 15 (status codes).
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from stage_ci.rules.one_line import one_line, shorten_middle

_SHOWN: Final = 300  # characters of a server's message in an error

# What git and servers put before each line that they print.
_PREFIXES: Final = re.compile(r"(?:(?:remote|error):\s*)+")
# git's progress, such as "Resolving deltas: 100% (2/2), done."
_PROGRESS: Final = re.compile(r"[\w ]+:\s+\d+% \(\d+/\d+\)")
_TITLE: Final = re.compile(r"<title[^<>]{0,200}>([^<]*)</title>", re.IGNORECASE)
# The keys of the message in the JSON of GitHub, GitLab, Azure DevOps and Bitbucket.
_MESSAGE_KEYS: Final = ("message", "error_description", "detail", "error", "errors")

# RFC 9110, 15.5.9 (Request Timeout); RFC 8470, 5.2 (Too Early); RFC 6585, 4 (Too Many Requests): the server permits
# another attempt.
_RETRY_STATUSES: Final = frozenset({408, 425, 429})
_SERVER_ERRORS: Final = range(500, 600)
_UNAUTHORIZED: Final = 401
_CHECKED: Final = "check the token of --infra-token, and the user name of --infra-user that the server expects"
_MISSING: Final = "give a token with --infra-token"
_TOKEN: Final = ("does not accept the token", _CHECKED)
# The title of a page that is sent, with status 200, to who must sign in or may not.
_SIGN_IN: Final = re.compile(
    r"\b(?:sign|log)[ -]?(?:in|on)\b|\bauthenti|\bauthoriz|\bprohibited\b|\bdenied\b", re.IGNORECASE
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
            r"\barchived\b|\bread-only (?:\w+ )?(?:instance|repository)\b"
            r"|\b(?:repository|repo|project|instance) is (?:\w+ )?(?:in )?read-only\b",
            re.IGNORECASE,
        ),
        "make the repository writable again, or give another one with --infra-repo",
    ),
    (
        re.compile(r"pull request|merge request|\bTF402455\b", re.IGNORECASE),
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
    (
        re.compile(r"\bSSO\b|\bSAML\b|single sign-on", re.IGNORECASE),
        "authorize the token for the organization's single sign-on",
    ),
    (
        re.compile(r"allow ?list|\bIP address|whitelist", re.IGNORECASE),
        "run where the server accepts connections from, or add the runner's address to its list",
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
    if status in _RETRY_STATUSES or status in _SERVER_ERRORS:
        return None
    cause, remedy = _DENIALS.get(status, ("rejects the request", "check --infra-repo and the token"))
    if status == _UNAUTHORIZED and not has_token:
        cause, remedy = "does not accept requests without a token", _MISSING
    return f"{cause}: HTTP status {status} {reason}".rstrip(), rejection_remedy(reason) or remedy


def page_denial(title: str, *, has_token: bool) -> tuple[str, str] | None:
    """Return cause and remedy if a page instead of git's response asks to sign in; None if it may be gone later.

    Args:
        title: The title of the page, such as "Sign-In Prohibited - Gitea"; may be empty.
        has_token: Whether the request had a token.
    """
    if not _SIGN_IN.search(title):
        return None
    return f"answers with a page instead of git's protocol: {title}", _CHECKED if has_token else _MISSING


def is_conflict(status: str) -> bool:
    """Return whether the status of a ref after a push reports that another writer was faster."""
    return any(words in status.lower() for words in _CONFLICTS)


def rejection_remedy(reason: str) -> str | None:
    """Return what can help against a rejection, by the words of its reason; None if they give no hint."""
    return next((remedy for pattern, remedy in _REMEDIES if pattern.search(reason)), None)


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
    """Return the message in the body of a response: plain text, that of a JSON object, or the title of a page."""
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        return title[1] if title else ""
    if text.startswith(("{", "[")):
        try:
            return _message(json.loads(text))
        except (ValueError, RecursionError):
            return text
    return text


def excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """Return what a server says in one line, without the middle if it is long.

    A hook may print a banner before its reason and a link behind it. Left out are colours, progress, lines without a
    letter or digit, and control characters.

    Args:
        text: The output of a hook, or the text of a response.
        secrets: What is replaced by ``***``, the longest first.
    """
    for secret in secrets:
        text = text.replace(secret, "***")
    # Of a line that was written over with carriage returns, the last text is visible.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    stripped = [_PREFIXES.sub("", one_line(line), count=1).strip() for line in lines]
    kept = [line for line in stripped if any(map(str.isalnum, line)) and not _PROGRESS.match(line)]
    return shorten_middle(" ".join(kept), _SHOWN)


def _message(value: object) -> str:
    match value:
        case str(text):
            return text
        case list(items):
            return next(filter(None, map(_message, items)), "")
        case dict(fields):
            return next(filter(None, (_message(fields.get(key)) for key in _MESSAGE_KEYS)), "")
    return ""
