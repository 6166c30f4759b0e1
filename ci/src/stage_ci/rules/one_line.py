"""What servers and tools write, as one short line of an error."""

import re
from typing import Final

# ECMA-48, 5.4 and 5.6: control sequences such as colours, operating system commands such as a title, other escapes.
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


def last_line(text: str) -> str:
    """Return the last line of ``text`` that is not blank; empty if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def one_line(text: str) -> str:
    r"""Return ``text`` in one line, without the escape sequences of a terminal and other control characters.

    >>> one_line("\x1b[31mquota\texceeded\x1b[0m\r\n")
    'quota exceeded'
    """
    visible = _ESCAPES.sub("", text)
    return " ".join("".join(character if character.isprintable() else " " for character in visible).split())


def shorten(text: str, limit: int) -> str:
    """Return ``text`` without its end if it has more than ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def shorten_middle(text: str, limit: int) -> str:
    """Return ``text`` without its middle if it has more than ``limit`` characters.

    A message often begins with what was tried, and ends with the reason.
    """
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]} … {text[-half:]}"
