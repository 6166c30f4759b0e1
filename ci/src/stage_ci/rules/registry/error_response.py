"""What a registry reports when it rejects a request: the codes, the reason, and whether something does not exist.

Sources: OCI distribution-spec v1.1, "Error Codes" (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
Token services have forms of their own, such as ``{"details": …}`` (Docker Hub), ``{"error": …}`` (Quay) and RFC 6749
section 5.2, ``{"error": …, "error_description": …}``; a proxy sends HTML or text, a storage service XML.
"""

import html
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, unquote_plus

from stage_ci.rules.credentials import spellings
from stage_ci.rules.one_line import one_line, shorten
from stage_ci.rules.registry.protocol import TransientError, json_object
from stage_ci.rules.response_text import decode, json_message, lowercase_names, markup_text

_CODE: Final = re.compile(r"[A-Z0-9_]{1,64}")
_CODES_SHOWN: Final = 3
_REASON_SHOWN: Final = 200

# The codes that report something else than that the repository, the image manifest or the blob does not exist. They
# are final also with 404: GitHub and others hide from a user what the user may not read.
_OTHER_CODES: Final = frozenset({"UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNSUPPORTED"})
# The other codes of the specification; Harbor sends NOT_FOUND (goharbor/harbor, src/lib/errors/const.go).
_UNKNOWN_CODES: Final = frozenset(
    {
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "NOT_FOUND",
        "SIZE_INVALID",
    }
)
_MISSING_PART_CODES: Final = frozenset({"BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"})

_TEXT_READ: Final = 20_000  # bytes of a body that is not JSON, which may be a large page
# How a person reads a reason in which a server has escaped characters, such as those of a secret.
_READINGS: Final = (unquote, unquote_plus, html.unescape)


def error_codes(body: bytes) -> list[str]:
    """Return the codes of an error response.

    Args:
        body: The body of a response with a 4xx or 5xx status.

    Returns:
        The codes in the registry's order; empty if the body is not an error response of the specification.
    """
    codes = (error.get("code") for error in _errors(body))
    return [code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)]


def error_reason(body: bytes, secrets: Iterable[str]) -> str:
    """Return the reason in an error response, such as the quota that a push exceeds.

    Args:
        body: The body of a response with a 4xx or 5xx status.
        secrets: The secrets of the request, which a server may repeat in its reason.

    Returns:
        At most 200 printable characters; empty if there is no reason, or if it contains a secret in any of its
        spellings.
    """
    found = _reason(body)
    reason = one_line(found)
    readings = [text for form in (found, reason) for text in (form, *(read(form) for read in _READINGS))]
    folded = [text.casefold() for text in readings]
    forms = [form.casefold() for form in spellings(*secrets)]
    return "" if any(form in text for form in forms for text in folded) else shorten(reason, _REASON_SHOWN)


def describe(status: int, body: bytes) -> str:
    """Return a phrase for a response, such as ``answered 404 (NAME_UNKNOWN)``."""
    codes = ", ".join(error_codes(body)[:_CODES_SHOWN])
    return f"answered {status} ({codes})" if codes else f"answered {status}"


def is_unknown(body: bytes) -> bool | None:
    """Return whether the body of a 404 reports that the repository, the image manifest or the blob does not exist.

    Returns:
        None if the body has no code of the specification, as of a page or an empty body. The specification does not
        require a code, but a wrong URL and a proxy answer 404 as well, and reading that as an empty repository would
        restart the version line at its first version.
    """
    codes = set(error_codes(body))
    if codes & _OTHER_CODES:
        return False
    return True if codes & _UNKNOWN_CODES else None


def is_limited(body: bytes) -> bool:
    """Return whether a request exceeded a limit of requests, which some registries do not report with status 429."""
    return "TOOMANYREQUESTS" in error_codes(body)


def is_missing_part(body: bytes) -> bool:
    """Return whether a manifest was rejected because the registry does not hold a blob or manifest of it (yet)."""
    return not _MISSING_PART_CODES.isdisjoint(error_codes(body))


def _errors(body: bytes) -> list[dict[str, object]]:
    errors = _object(body).get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _object(body: bytes) -> dict[str, object]:
    try:
        return json_object(body, "an error")
    except TransientError:
        return {}


def _reason(body: bytes) -> str:
    for fields in (*_errors(body), _object(body)):
        if text := json_message(fields):
            detail = lowercase_names(fields).get("detail")
            return f"{text}: {detail}" if isinstance(detail, str) and detail.strip() not in text else text
    text = decode(body[:_TEXT_READ]).lstrip()
    if text.startswith("<"):
        return markup_text(text)
    return "" if text.startswith(("{", "[")) else text.partition("\n\n")[0]
