"""Why skopeo could not copy an image to or from a registry, by its output.

Skopeo prints an error of a registry as ``code: message``, with the code in lower case and blanks for underscores, and
else the status of the response (containers/image, docker/errors.go; distribution, registry/api/errcode/errors.go).
"""

import re
from enum import Enum
from typing import Final

from stage_ci.rules.one_line import last_line, one_line, shorten_middle

_SHOWN: Final = 600
_LOGGED: Final = re.compile(r'^time="[^"]*" level=\w+ msg="(.*)"$')
_ESCAPED: Final = re.compile(r'\\(["\\])')
# A name has at most 255 characters.
_MISSING: Final = re.compile(
    r"\bname unknown:|\b(?:repository|project)\b[^:;]{0,300} (?:does not exist|(?:is |was )?not found|not known)",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"\bunauthorized\b|\bdenied\b|\bforbidden\b|authentication required|invalid username|unable to retrieve auth token"
    r"|\b(?:HTTP|StatusCode:|status:?) 40[13]\b",
    re.IGNORECASE,
)
# Errors of the machine that contain one of these words.
_LOCAL: Final = re.compile(r"permission denied|operation not permitted", re.IGNORECASE)


class CopyFailure(Enum):
    """The kinds of failure of a copy."""

    DENIED = "denied"
    MISSING = "missing"
    OTHER = "other"

    @classmethod
    def of(cls, output: str, repository: str) -> "CopyFailure":
        """Return the kind of failure that skopeo's output reports.

        Args:
            output: Its standard error.
            repository: The path of the repository, which may contain any word.
        """
        text = _LOCAL.sub("", output.replace(repository, ""))
        if _MISSING.search(text):
            return cls.MISSING
        return cls.DENIED if _DENIED.search(text) else cls.OTHER


def copy_reason(output: str) -> str:
    """Return the reason in skopeo's output: its last line, without the form of a log entry, in at most 600 characters.

    Of a longer one, the beginning and the end are returned: skopeo begins with what it did, and ends with the
    registry's message.
    """
    line = last_line(output)
    logged = _LOGGED.match(line)
    text = _ESCAPED.sub(r"\1", logged[1]) if logged else line
    return shorten_middle(one_line(text), _SHOWN)
