"""The text in the body of a response that has not the form of a protocol, such as the page of a proxy."""

import codecs
import html
import re
from collections.abc import Mapping
from typing import Final

# The title of an HTML page, and the message of an XML error such as that of S3
# (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
_ELEMENT: Final = re.compile(r"<(title|message)\b[^<>]{0,200}>([^<]{1,2000})<", re.IGNORECASE)

# The members of a JSON object that may hold the message, the most specific first: those of registries, of token
# services (RFC 6749, 5.2), of problem details (RFC 9457), and of GitHub, GitLab, Azure DevOps and Bitbucket. API
# gateways write "Message".
_MESSAGE_KEYS: Final = (
    "message",
    "error_description",
    "detail",
    "details",
    "error",
    "errors",
    "title",
    "reason",
    "description",
    "msg",
)
_DEPTH: Final = 8


def decode(body: bytes) -> str:
    """Return the text of a body in UTF-8, with or without a byte order mark, or in Latin-1; empty if it is binary."""
    try:
        # The decoder ignores the first bytes of a character at the end, where a long body was cut.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(body)
    except UnicodeDecodeError:
        return "" if b"\0" in body else body.decode("latin-1")


def markup_text(text: str) -> str:
    """Return the title of an HTML page or the message of an XML error; empty if ``text`` has neither."""
    element = _ELEMENT.search(text)
    return html.unescape(element[2]) if element else ""


def json_message(value: object, depth: int = _DEPTH) -> str:
    """Return the message in the JSON of an error response; empty if it has none, or only one that is nested deeper."""
    match value if depth else None:
        case str(text):
            return text.strip()
        case list(items):
            return next(filter(None, (json_message(item, depth - 1) for item in items)), "")
        case dict(fields):
            named = lowercase_names(fields)
            return next(filter(None, (json_message(named.get(key), depth - 1) for key in _MESSAGE_KEYS)), "")
    return ""


def lowercase_names(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the members of a JSON object by their names in lower case."""
    return {name.lower(): value for name, value in fields.items()}
