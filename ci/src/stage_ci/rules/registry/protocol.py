"""What the status, the headers and the body of a registry's response mean.

Sources: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md),
RFC 8288 section 3 (Link), RFC 9110 sections 10.2.3 (Retry-After) and 15 (status codes).
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import DOCKER_HUB, Digest

# https://docs.docker.com/reference/api/registry/latest/: the API host of docker.io.
_DOCKER_HUB_API: Final = "registry-1.docker.io"

UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
# RFC 9110, 15.5.9 (Request Timeout), and RFC 6585, 4 (Too Many Requests): the server permits another attempt.
_RETRY_STATUSES: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = range(500, 600)

# distribution-spec, "Error Codes"; Harbor sends NOT_FOUND instead (goharbor/harbor, src/lib/errors/const.go).
_UNKNOWN_CODES: Final = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"})
_CODE: Final = re.compile(r"[A-Z0-9_]{1,64}")
_CODES_SHOWN: Final = 3
_MESSAGE_SHOWN: Final = 200

_RETRY_AFTER_MAX_SECONDS: Final = 86_400.0  # every retry policy gives up long before one day

# RFC 8288, 3: one link of a header, up to the comma that ends it; then one of its parameters.
HEADER_MAX_CHARACTERS: Final = 8_192  # bounds the time that the patterns take on a hostile header
_LINK: Final = re.compile(
    r'\s*<([^<>]*)>((?:\s*;\s*[^\s;,="<>]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"<>]*))?)*)\s*(?:,|$)'
)
_PARAMETER: Final = re.compile(r';\s*([^\s;,="<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]*)))?')

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class TransientError(Exception):
    """A missing or bad response that a retry may fix; becomes RegistryUnavailable after the last attempt.

    Args:
        cause: What the registry did, written to follow its name, such as "answered 503".
        retry_after: The pause that the registry requests, in seconds; None if it requests none.
    """

    def __init__(self, cause: str, retry_after: float | None = None) -> None:
        self.cause = cause
        self.retry_after = retry_after
        super().__init__(cause)


def api_host(registry: str) -> str:
    """Return the host that serves a registry's API.

    Args:
        registry: The registry of an image reference, such as ``docker.io`` or ``localhost:5000``.

    Returns:
        Docker Hub's API host for ``docker.io``; every other registry unchanged.
    """
    return _DOCKER_HUB_API if registry == DOCKER_HUB else registry


def is_denied(status: int) -> bool:
    """Return whether a status denies access, so that a retry cannot succeed."""
    return status in {UNAUTHORIZED, _FORBIDDEN}


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed later."""
    return status in _RETRY_STATUSES or status in _SERVER_ERRORS


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the pause that a ``Retry-After`` header requests.

    Args:
        header: The header's value, in seconds or as an HTTP date; None if the response has no such header.
        now: The current time, with its time zone.

    Returns:
        Seconds from 0 to one day; None if the header is missing or invalid.
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
    """Return the codes of an error response.

    Args:
        body: The body of a response with a 4xx or 5xx status.

    Returns:
        The codes in the registry's order; empty if the body is not an error response of the specification.
    """
    codes = (error.get("code") for error in _errors(body))
    return [code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)]


def error_message(body: bytes, secrets: Iterable[str]) -> str:
    """Return the first message of an error response, such as the quota that a push exceeds.

    Args:
        body: The body of a response with a 4xx or 5xx status.
        secrets: The secrets of the request, which a registry may repeat in its message.

    Returns:
        At most 200 printable characters; empty if there is no message or if it contains a secret.
    """
    messages = (error.get("message") for error in _errors(body))
    message = next((message for message in messages if isinstance(message, str)), "")
    if any(secret in text for secret in secrets if secret for text in (message, unquote(message))):
        return ""
    printable = "".join(character if character.isprintable() else " " for character in message)
    return " ".join(printable.split())[:_MESSAGE_SHOWN]


def describe(status: int, body: bytes) -> str:
    """Return a phrase for a response, such as ``answered 404 (NAME_UNKNOWN)``."""
    codes = ", ".join(error_codes(body)[:_CODES_SHOWN])
    return f"answered {status} ({codes})" if codes else f"answered {status}"


def is_unknown(body: bytes) -> bool:
    """Return whether the body of a 404 reports that the repository or the image manifest does not exist.

    The status alone is not enough: a wrong URL or a proxy also answers 404, and reading that as an empty repository
    would restart the version line at its first version.
    """
    return not _UNKNOWN_CODES.isdisjoint(error_codes(body))


def json_object(body: bytes, what: str) -> dict[str, object]:
    """Parse a JSON object.

    Args:
        body: The body of a response.
        what: What the body should be, for the error, such as "a tag list".

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
    """Parse one page of a tag list (distribution-spec, "Listing Tags").

    Args:
        body: The body of a 200 response.

    Returns:
        The tags in the registry's order; empty for ``"tags": null``, which is how Go writes an empty list.

    Raises:
        TransientError: if the body is not a tag list, which must not be read as an empty one.
    """
    tags = json_object(body, "a tag list").get("tags", "absent")
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TransientError("sent something other than a tag list")
    return tags


def next_page(headers: Iterable[str], page: str) -> str | None:
    """Return the URL of the page after ``page``.

    Args:
        headers: The ``Link`` headers of the response.
        page: The absolute URL of the page that the response holds.

    Returns:
        The absolute URL; None on the last page.

    Raises:
        TransientError: if a header is invalid, which must not be read as the last page.
        RegistryUnavailable: if the next page has another host or port.
    """
    for header in headers:
        for target, relations in _links(header):
            if "next" in relations:
                return _resolve(target, page, "the tag listing")
    return None


def upload_url(location: str | None, request_url: str, digest: Digest) -> str:
    """Return the URL to which a blob is uploaded (distribution-spec, "POST then PUT").

    Args:
        location: The ``Location`` header of the response that opened the upload.
        request_url: The absolute URL of the request that opened it.
        digest: The digest of the blob.

    Returns:
        The absolute URL with the registry's own query and the digest.

    Raises:
        TransientError: if there is no location.
        RegistryUnavailable: if the location has another host or port.
    """
    if not location:
        raise TransientError("opened an upload without a Location header")
    url = _resolve(location, request_url, "the upload")
    return f"{url}{'&' if urlsplit(url).query else '?'}digest={digest}"


def _errors(body: bytes) -> list[dict[str, object]]:
    try:
        errors = json_object(body, "an error").get("errors")
    except TransientError:
        return []
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    position = 0
    while position < len(header):
        link = _LINK.match(header, position) if len(header) <= HEADER_MAX_CHARACTERS else None
        if link is None:
            raise TransientError("sent an invalid Link header")
        yield link[1], _relations(link[2])
        position = link.end()


def _relations(parameters: str) -> list[str]:
    # RFC 8288, 3.3: a second rel parameter of the same link is ignored, relation types compare without case.
    for parameter in _PARAMETER.finditer(parameters):
        if parameter[1].lower() == "rel":
            return (parameter[2] or parameter[3] or "").lower().split()
    return []


def _resolve(target: str, request_url: str, what: str) -> str:
    origin = urlsplit(request_url)
    try:
        url = urlsplit(urljoin(request_url, target))
        if url.scheme in _DEFAULT_PORTS and _host(url) == _host(origin):
            # A registry behind a gateway that ends TLS writes its own scheme into the URL, so the request's is kept.
            return url._replace(scheme=origin.scheme, netloc=origin.netloc).geturl()
    except ValueError:
        pass  # an invalid URL has no host that could match
    raise RegistryUnavailable(f"{what} of {origin.netloc} leads to another host")


def _host(url: SplitResult) -> tuple[str | None, int | None, bool]:
    port = None if url.port == _DEFAULT_PORTS.get(url.scheme) else url.port
    return url.hostname, port, "@" in url.netloc
