"""How a registry asks who is there, and what may be answered, without a network.

Sources: RFC 9110 section 11.6.1 (WWW-Authenticate), RFC 7617 (Basic) and Docker's token authentication
(https://distribution.github.io/distribution/spec/auth/token/).
"""

import base64
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from stage_ci.errors import InvalidInput, RegistryUnavailable
from stage_ci.rules.registry import HEADER_MAX_CHARACTERS, TransientError, json_object

BASIC: Final = "basic"
BEARER: Final = "bearer"

# RFC 9110, 11.2 and 5.6.2: the parts of a header between commas, the scheme that may open one, and its parameter.
_PART: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"({_WORD})(?:\s+(.*))?", re.DOTALL)
_PARAMETER: Final = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))')
_ESCAPED: Final = re.compile(r"\\(.)")

_VISIBLE: Final = re.compile(r"[!-~]+")  # what fits into one Authorization header and cannot end it


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password, or the access token that stands in for one.

    Raises:
        InvalidInput: if the user name holds a colon, which Basic authentication cannot carry (RFC 7617, 2).
    """

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if ":" in self.username:
            raise InvalidInput("the registry's user name holds a colon")

    def basic(self) -> str:
        """Return the value of an Authorization header (RFC 7617, 2)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way of authenticating that a registry offers.

    Args:
        scheme: The scheme in lower case, such as ``bearer``.
        parameters: The parameters, their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def choose(cls, headers: Iterable[str]) -> "Challenge | None":
        """Return the challenge to answer: a token before a password on every request, None when neither is offered.

        Args:
            headers: The ``WWW-Authenticate`` headers of a 401 answer.
        """
        offered = {challenge.scheme: challenge for header in headers for challenge in cls.parse(header)}
        return offered.get(BEARER) or offered.get(BASIC)

    @classmethod
    def parse(cls, header: str) -> "list[Challenge]":
        """Return every challenge of one ``WWW-Authenticate`` header, in its order.

        Args:
            header: The header's text; what does not follow the grammar is read over.
        """
        found: list[tuple[str, dict[str, str]]] = []
        for scheme, parameter in _parts(header[:HEADER_MAX_CHARACTERS]):
            if scheme:
                found.append((scheme, {}))
            if parameter and found:
                found[-1][1].setdefault(*parameter)
        return [cls(scheme, parameters) for scheme, parameters in found]


def token_address(challenge: Challenge, registry: str) -> str:
    """Return where to fetch the token that a bearer challenge asks for.

    The service may lie at any host that the registry names, as Docker Hub's does: a registry that is trusted with the
    password may say who checks it. It may not weaken the transport: an https registry's realm is https.

    Args:
        challenge: A bearer challenge of the registry.
        registry: The registry's own address, with its scheme.

    Returns:
        The realm with ``service`` and each ``scope`` in its query.

    Raises:
        RegistryUnavailable: if the realm is no usable address, or plain http for an https registry.
    """
    realm = challenge.parameters.get("realm", "")
    if not _is_service(realm, {"https", urlsplit(registry).scheme}):
        raise RegistryUnavailable(f"{urlsplit(registry).netloc} names no token service to trust: {realm[:100]!r}")
    query = [("service", challenge.parameters["service"])] if "service" in challenge.parameters else []
    query += [("scope", scope) for scope in challenge.parameters.get("scope", "").split()]
    return f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(query)}" if query else realm


def bearer(body: bytes) -> str:
    """Return the value of an Authorization header out of a token service's answer.

    Args:
        body: The body of a 200 answer, with ``token`` or, as OAuth 2.0 names it, ``access_token``.

    Returns:
        The header's value.

    Raises:
        TransientError: if the body holds no token.
    """
    answer = json_object(body, "a token")
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
        raise TransientError("sent something other than a token")
    return f"Bearer {token}"


def _is_service(realm: str, schemes: Container[str]) -> bool:
    try:
        parts = urlsplit(realm)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = _VISIBLE.fullmatch(realm) is not None and "@" not in parts.netloc and not parts.fragment
    return whole and plain and parts.scheme in schemes


def _parts(header: str) -> Iterator[tuple[str | None, tuple[str, str] | None]]:
    for part in map(str.strip, _PART.findall(header)):
        if parameter := _parameter(part):
            yield None, parameter
        elif opening := _SCHEME.fullmatch(part):
            yield opening[1].lower(), _parameter(opening[2] or "")


def _parameter(text: str) -> tuple[str, str] | None:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        return None
    return match[1].lower(), match[3] if match[2] is None else _ESCAPED.sub(r"\1", match[2])
