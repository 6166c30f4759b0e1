"""What the status, the headers and the body of a registry's response mean.

Sources: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md),
RFC 9110 sections 10.2.3 (Retry-After) and 15 (status codes).
"""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from stage_ci.rules.reference import DOCKER_HUB

# https://docs.docker.com/reference/api/registry/latest/: the API host of docker.io.
_DOCKER_HUB_API: Final = "registry-1.docker.io"

UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405
FORBIDDEN: Final = 403
# RFC 9110, 15.5.9 (Request Timeout); RFC 8470, 5.2 (Too Early); RFC 6585, 4 (Too Many Requests): the server permits
# another attempt.
_TOO_MANY_REQUESTS: Final = 429
_RETRY_STATUSES: Final = frozenset({408, 425, _TOO_MANY_REQUESTS})
_SERVER_ERRORS: Final = range(500, 600)

# The statuses of an upload that the registry does not know any more, or of which it holds another part than was sent
# (distribution-spec, "Pushing a blob in chunks" and "Error Codes").
LOST_UPLOAD: Final = frozenset({NOT_FOUND, 416})

_RETRY_AFTER_MAX_SECONDS: Final = 86_400.0  # every retry policy gives up long before one day

HEADER_MAX_CHARACTERS: Final = 8_192  # bounds the time that patterns take on a hostile header


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


class NoResponseError(TransientError):
    """No complete response arrived over a connection that was made, as if a proxy cannot handle the request."""


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
    return status in {UNAUTHORIZED, FORBIDDEN}


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed later."""
    return status in _RETRY_STATUSES or status in _SERVER_ERRORS


def is_final_head(status: int, *, asks_to_wait: bool) -> bool:
    """Return whether a HEAD request ended so that a GET must not follow at once.

    Proxies, gateways and presigned URLs of a storage service reject HEAD where they accept GET: with 403, 405 or 501,
    or as a malformed request with 400 or 500. But a GET would need the same login and count against the same limit.

    Args:
        status: The status of the response.
        asks_to_wait: Whether the response has a ``Retry-After`` header.
    """
    return status in {UNAUTHORIZED, _TOO_MANY_REQUESTS} or (asks_to_wait and is_transient(status))


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
