"""What a registry's answers mean, read without a network.

Sources: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md),
RFC 8288 section 3 (Link), RFC 9110 sections 10.2.3 (Retry-After) and 15 (status codes).
Challenges and tokens are read in :mod:`stage_ci.rules.registry_auth`, images in :mod:`stage_ci.rules.registry_image`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import DOCKER_HUB, Digest

# https://docs.docker.com/reference/api/registry/latest/: images are named docker.io, the API answers elsewhere.
_DOCKER_HUB_API: Final = "registry-1.docker.io"

UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
# RFC 9110, 15.5.9, and RFC 6585, 4: the server itself asks for another try. Every 5xx is worth one as well.
_ASK_AGAIN: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = range(500, 600)

# distribution-spec, "Error Codes"; NOT_FOUND is what Harbor says instead (goharbor/harbor, src/lib/errors/const.go).
_UNKNOWN_CODES: Final = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"})
_CODE: Final = re.compile(r"[A-Z0-9_]{1,64}")
_CODES_SHOWN: Final = 3

_RETRY_AFTER_MAX_SECONDS: Final = 86_400.0  # nobody waits a day: longer is the same

# RFC 8288, 3: one link of a header, up to the comma that ends it; then one of its parameters.
HEADER_MAX_CHARACTERS: Final = 8_192  # keeps the patterns' time bounded, whatever a registry sends
_LINK: Final = re.compile(
    r'\s*<([^<>]*)>((?:\s*;\s*[^\s;,="<>]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"<>]*))?)*)\s*(?:,|$)'
)
_PARAMETER: Final = re.compile(r';\s*([^\s;,="<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]*)))?')

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class TransientError(Exception):
    """An answer worth asking for again; it ends as RegistryUnavailable when asking again does not help.

    Args:
        cause: What the registry did, to be read after its name, such as "answered 503".
        retry_after: The seconds that the registry asks to wait, if it does.
    """

    def __init__(self, cause: str, retry_after: float | None = None) -> None:
        self.cause = cause
        self.retry_after = retry_after
        super().__init__(cause)


def api_host(registry: str) -> str:
    """Return the host that answers for a registry.

    Args:
        registry: The registry of an image reference, such as ``docker.io`` or ``localhost:5000``.

    Returns:
        The host and port of its API: Docker Hub has another one than its name, everybody else the same.
    """
    return _DOCKER_HUB_API if registry == DOCKER_HUB else registry


def is_refused(status: int) -> bool:
    """Tell whether a status says that the caller may not, so that asking again is of no use."""
    return status in {UNAUTHORIZED, _FORBIDDEN}


def is_transient(status: int) -> bool:
    """Tell whether a status says that the same question may be answered later."""
    return status in _ASK_AGAIN or status in _SERVER_ERRORS


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return how long a ``Retry-After`` header asks to wait.

    Args:
        header: The header's text, in seconds or as an HTTP date; None when there is no such header.
        now: The present time, with its zone.

    Returns:
        Seconds from 0 to one day; None when nothing readable was asked.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        # email.utils gives a date in "-0000" no zone; HTTP dates are always in GMT (RFC 9110, 5.6.7).
        seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), _RETRY_AFTER_MAX_SECONDS)


def error_codes(body: bytes) -> list[str]:
    """Return the codes of an error answer, none when the body is no such answer.

    Only codes are taken: messages and details are free text in which a registry may repeat what it was sent.

    Args:
        body: The body of an answer with a 4xx or 5xx status.

    Returns:
        The codes in the registry's order.
    """
    try:
        errors = json_object(body, "an error").get("errors")
    except TransientError:
        return []
    codes = [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return [code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)]


def describe(status: int, body: bytes) -> str:
    """Return one phrase for an answer, such as ``answered 404 (NAME_UNKNOWN)``."""
    codes = ", ".join(error_codes(body)[:_CODES_SHOWN])
    return f"answered {status} ({codes})" if codes else f"answered {status}"


def says_unknown(body: bytes) -> bool:
    """Tell whether the body of a 404 says that the repository or the manifest does not exist.

    A 404 alone does not: a wrong address or a proxy answers the same, and taking it for an empty repository would
    start the line again at its first version.
    """
    return not _UNKNOWN_CODES.isdisjoint(error_codes(body))


def json_object(body: bytes, what: str) -> dict[str, object]:
    """Return the JSON object in ``body``.

    Args:
        body: The body of an answer.
        what: What it should be, for the error: "a tag list".

    Returns:
        The object.

    Raises:
        TransientError: if the body is anything else, such as the HTML page of a proxy that answers 200.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TransientError(f"sent something other than {what}")
    return value


def tag_list(body: bytes) -> list[str]:
    """Return the tags of one page of a listing (distribution-spec, "Listing Tags").

    Args:
        body: The body of a 200 answer.

    Returns:
        The tags as sent; none for ``"tags": null``, which is how Go writes an empty list.

    Raises:
        TransientError: if the body is no tag list, which never means that there are no tags.
    """
    tags = json_object(body, "a tag list").get("tags", "absent")
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TransientError("sent something other than a tag list")
    return tags


def next_page(headers: Iterable[str], page: str) -> str | None:
    """Return the address of the page after ``page``.

    Args:
        headers: The ``Link`` headers of the answer.
        page: The absolute address of the page that they came with.

    Returns:
        The absolute address; None on the last page.

    Raises:
        TransientError: if a header cannot be read, which never means that this is the last page.
        RegistryUnavailable: if the next page lies at another scheme, host or port.
    """
    for header in headers:
        for target, relations in _links(header):
            if "next" in relations:
                return _resolve(target, page, "the tag listing")
    return None


def upload_address(location: str | None, asked: str, digest: Digest) -> str:
    """Return where a blob is to be put (distribution-spec, "POST then PUT").

    Args:
        location: The ``Location`` header of the answer that opened the upload.
        asked: The absolute address that was asked to open it.
        digest: The digest of the blob.

    Returns:
        The absolute address, query of the registry included.

    Raises:
        TransientError: if there is no location.
        RegistryUnavailable: if the location lies at another scheme, host or port.
    """
    if not location:
        raise TransientError("opened an upload without a location")
    address = _resolve(location, asked, "the upload")
    return f"{address}{'&' if urlsplit(address).query else '?'}digest={digest}"


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    position = 0
    while position < len(header):
        link = _LINK.match(header, position) if len(header) <= HEADER_MAX_CHARACTERS else None
        if link is None:
            raise TransientError("sent a Link header that cannot be read")
        yield link[1], _relations(link[2])
        position = link.end()


def _relations(parameters: str) -> list[str]:
    # RFC 8288, 3.3: a second rel parameter of the same link is ignored, relation types compare without case.
    for parameter in _PARAMETER.finditer(parameters):
        if parameter[1].lower() == "rel":
            return (parameter[2] or parameter[3] or "").lower().split()
    return []


def _resolve(target: str, asked: str, what: str) -> str:
    try:
        address = urljoin(asked, target)
        if _origin(address) == _origin(asked):
            return address
    except ValueError:
        pass  # no address at all is no address at this host
    raise RegistryUnavailable(f"{what} of {urlsplit(asked).netloc} leads to another host")


def _origin(address: str) -> tuple[str, str | None, int | None, bool]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme), "@" in parts.netloc
