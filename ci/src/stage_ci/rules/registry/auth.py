"""Authentication: the challenges of a registry, and the Authorization headers that meet them.

Sources: RFC 9110 section 11.6.1 (WWW-Authenticate), RFC 7617 (Basic) and Docker's token authentication
(https://distribution.github.io/distribution/spec/auth/token/).
"""

import base64
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from stage_ci.errors import InvalidInput, RegistryUnavailable
from stage_ci.rules.credentials import without_line_break
from stage_ci.rules.registry.protocol import HEADER_MAX_CHARACTERS, TransientError, json_object

BASIC: Final = "basic"
BEARER: Final = "bearer"

# RFC 9110, 11.2 and 5.6.2: the parts of a header between commas, the scheme that may open one, and its parameter.
_PART: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"({_WORD})(?:\s+(.*))?", re.DOTALL)
_PARAMETER: Final = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))')
_ESCAPED: Final = re.compile(r"\\(.)")

# RFC 9110, 5.5: visible ASCII, which can neither end an Authorization header nor start another one.
_VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """The user of a registry.

    Args:
        username: The user name; line breaks at its end are removed.
        password: The password, or an access token that the registry accepts as one; likewise.

    Raises:
        InvalidInput: if the user name contains a colon, which Basic authentication cannot transport (RFC 7617, 2).
    """

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "username", without_line_break(self.username))
        object.__setattr__(self, "password", without_line_break(self.password))
        if ":" in self.username:
            raise InvalidInput("the registry user name contains a colon")

    def basic(self) -> str:
        """Return the value of the Authorization header for Basic authentication (RFC 7617, 2)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Challenge:
    """One authentication scheme that a registry offers.

    Args:
        scheme: The scheme in lower case, such as ``bearer``.
        parameters: The parameters, with their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def choose(cls, headers: Iterable[str]) -> "Challenge | None":
        """Return the challenge to meet: Bearer, because it sends the password once, or Basic if only that is complete.

        Args:
            headers: The ``WWW-Authenticate`` headers of a 401 response.

        Returns:
            The challenge; None if the registry offers neither scheme.
        """
        offered: dict[str, Challenge] = {}
        for challenge in (challenge for header in headers for challenge in cls.parse(header)):
            offered.setdefault(challenge.scheme, challenge)
        bearer_challenge, basic_challenge = offered.get(BEARER), offered.get(BASIC)
        if basic_challenge and bearer_challenge and "realm" not in bearer_challenge.parameters:
            return basic_challenge
        return bearer_challenge or basic_challenge

    @classmethod
    def parse(cls, header: str) -> "list[Challenge]":
        """Return every challenge of one ``WWW-Authenticate`` header, in its order.

        Args:
            header: The header's value; parts that do not follow the grammar are skipped.
        """
        found: list[tuple[str, dict[str, str]]] = []
        for scheme, parameter in _parts(header[:HEADER_MAX_CHARACTERS]):
            if scheme:
                found.append((scheme, {}))
            if parameter and found:
                found[-1][1].setdefault(*parameter)
        return [cls(scheme, parameters) for scheme, parameters in found]


def token_url(challenge: Challenge, repository: str, *, push: bool) -> str:
    """Return the URL of the token that a Bearer challenge requires.

    The token service may be on any host, as Docker Hub's is: a registry that is trusted with the password may name the
    service that checks it. An https registry must name an https service, so that the password stays encrypted.

    Args:
        challenge: A Bearer challenge of the registry.
        repository: The URL of the repository, such as ``https://registry/v2/owner/service``.
        push: Whether to request push access beside the access that the challenge names.

    Returns:
        The realm with ``service`` and each ``scope`` in its query; if the challenge names no scope, as that of a whole
        registry, with the repository's, which Docker and skopeo request of every registry.

    Raises:
        RegistryUnavailable: if the realm is not a valid URL, or is plain http for an https registry.
    """
    realm = challenge.parameters.get("realm", "")
    own = urlsplit(repository)
    if not _is_service(realm, {"https", own.scheme}):
        raise RegistryUnavailable(
            f"{own.netloc} names an unusable token service: {realm[:100]!r}",
            remedy="let the registry name the https URL of its token service",
        )
    query = [("service", challenge.parameters["service"])] if "service" in challenge.parameters else []
    name = unquote(own.path.removeprefix("/v2/"))
    scopes = challenge.parameters.get("scope", "").split() or ([f"repository:{name}:pull"] if name else [])
    query += [("scope", _with_push(scope) if push else scope) for scope in scopes]
    return f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(query)}" if query else realm


def token_form(url: str, login: RegistryLogin) -> tuple[str, bytes]:
    """Return the URL and the body of a token request by POST, for a service that accepts no GET.

    Source: https://distribution.github.io/distribution/spec/auth/oauth/

    Args:
        url: The URL of the request by GET.
        login: The user.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    fields = {name: value for name, value in query if name != "scope"}
    fields["scope"] = " ".join(value for name, value in query if name == "scope")
    fields |= {"grant_type": "password", "client_id": "stage-ci"}
    fields |= {"username": login.username, "password": login.password}
    return parts._replace(query="").geturl(), urlencode(fields).encode()


def bearer(body: bytes) -> str:
    """Return the value of the Authorization header for the token in a token service's response.

    Args:
        body: The body of a 200 response, with ``token`` or, as OAuth 2.0 names it, ``access_token``.

    Returns:
        The header's value.

    Raises:
        TransientError: if the body holds no token.
    """
    response = json_object(body, "a token")
    token = response.get("token") or response.get("access_token")
    if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
        raise TransientError("sent something other than a token")
    return f"Bearer {token}"


def _with_push(scope: str) -> str:
    # distribution, spec/auth/scope: resourcetype:name:action,action; a name may contain a colon.
    resource, _, actions = scope.rpartition(":")
    if not resource.startswith("repository:"):
        return scope
    return f"{resource}:{','.join(dict.fromkeys([*actions.split(','), 'pull', 'push']))}"


def _is_service(realm: str, schemes: Container[str]) -> bool:
    try:
        parts = urlsplit(realm)
        complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = _VISIBLE.fullmatch(realm) is not None and "@" not in parts.netloc and not parts.fragment
    return complete and plain and parts.scheme in schemes


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
