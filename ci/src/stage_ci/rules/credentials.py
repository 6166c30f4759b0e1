"""Reads credentials, hides them in messages, and decides from them whether a run is a release or a rehearsal."""

import base64
import html
import json
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final
from urllib.parse import quote

from stage_ci.errors import InvalidInput, MissingCredential

# The constructor's arguments for the registry and the infrastructure repository, and their names in errors.
USERNAME: Final = "docker_username"
PASSWORD: Final = "docker_password"  # noqa: S105 - the name of an argument
TOKEN: Final = "infra_token"  # noqa: S105 - the name of an argument
REGISTRY_SERVICE: Final = "registry_service"
INFRA_SERVICE: Final = "infra_service"
LABELS: Final = {
    USERNAME: "DOCKER_USERNAME (--docker-username)",
    PASSWORD: "DOCKER_PASSWORD (--docker-password)",
    TOKEN: "TOKEN (--infra-token)",
}


def without_line_break(secret: str) -> str:
    r"""Return a credential without the line breaks at its end, which a file and `echo` add to it.

    Every credential is read by this rule, as `docker login --password-stdin` reads a password, so that the same file
    is right for all of them. Where a program in a container reads the secret itself, that program does the same.

    >>> without_line_break("canary\r\n")
    'canary'
    """
    return secret.rstrip("\r\n")


def credential(given: str, name: str) -> str:
    """Return a credential, or a variable of the service, without the line breaks at its end.

    Args:
        given: What the caller gave.
        name: Its name in errors.

    Raises:
        MissingCredential: if nothing or only blanks are left.
        InvalidInput: if it is that of a file in UTF-16, or with a byte order mark, as PowerShell writes them.
    """
    value = without_line_break(given)
    if not value.strip():
        raise MissingCredential(f"{name} is empty", remedy="set its variable, or leave the flag out")
    if value.startswith("\N{ZERO WIDTH NO-BREAK SPACE}") or "\0" in value:
        raise InvalidInput(
            f"{name} begins with a byte order mark, or has NUL characters",
            step="credentials",
            remedy="write its file in UTF-8 without a byte order mark",
        )
    return value


def spellings(*secrets: str) -> list[str]:
    """Return the forms in which a message may repeat secrets, the longest first; none of an empty secret.

    They are plain, base64 of both alphabets, hexadecimal, and escaped as in a URL, in JSON and in HTML. Compare them
    without regard to case, which hexadecimal digits and the escapes of a URL may have in any way.
    """
    forms: set[str] = set()
    for secret in filter(None, secrets):
        raw = secret.encode()
        plain, safe = (encode(raw).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode))
        escaped = {json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe="")}
        forms |= {secret, plain, safe, raw.hex()} | escaped
    return sorted(forms, key=len, reverse=True)


def mask(text: str, forms: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of each of ``forms``, which are those of ``spellings``.

    >>> mask("no access for cm9ib3Q6Y2FuYXJ5", spellings("robot:canary"))
    'no access for ***'
    """
    for form in forms:
        text = re.sub(re.escape(form), "***", text, flags=re.IGNORECASE)
    return text


def is_rehearsal(given: AbstractSet[str]) -> bool:
    """Return whether a run is a rehearsal: True if nothing was given, False if all that a release needs was given.

    A service replaces the credentials of its remote, because a server of the caller's machine may need none.

    Args:
        given: The names of the given arguments among those of this module.

    Raises:
        MissingCredential: if something was given, but not all that a release needs; names each missing one.
    """
    missing = []
    if REGISTRY_SERVICE not in given or given & {USERNAME, PASSWORD}:
        missing += [name for name in (USERNAME, PASSWORD) if name not in given]
    if INFRA_SERVICE not in given and TOKEN not in given:
        missing.append(TOKEN)
    if given and missing:
        raise MissingCredential(f"missing {' and '.join(LABELS[name] for name in missing)}")
    return not given
