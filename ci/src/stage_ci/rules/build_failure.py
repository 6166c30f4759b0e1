"""Excerpts from the output of failed commands and builds."""

import re
from typing import Final

# The most specific first: the error of pip or uv, of apt, of any program, of the Dockerfile parser.
_ERROR_LINES: Final = (
    re.compile(
        r"^.*(?:No matching distribution found for|has no solution|not found in the package registry).*$", re.MULTILINE
    ),
    re.compile(r"^E: .*$", re.MULTILINE),
    re.compile(r"^.*(?:ERROR|Error|error): .*$", re.MULTILINE),
    re.compile(r"^.*(?:dockerfile parse error|failed to calculate checksum|unknown instruction).*$", re.MULTILINE),
)
# uv writes the causes beneath its error, the root cause last.
_UV_CAUSE: Final = re.compile(r"^ +(?:cause|Caused by): (.*)$", re.MULTILINE)
# BuildKit's message about an instruction that failed.
_INSTRUCTION: Final = re.compile(
    r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: exit code: (\d+)', re.DOTALL
)
_LIMIT: Final = 300  # characters, about one line


def error_excerpt(message: str, command: str, output: str) -> str:
    """Return one line that names the instruction or the package on which a build failed.

    Args:
        message: The engine's error.
        command: The command that failed; empty if the failure was not a command's.
        output: The output of the command.
    """
    if instruction := _INSTRUCTION.search(message):
        # The engine prints the output of a Dockerfile's instruction as it runs; the error does not repeat it.
        run = _shorten(instruction[1], 200)
        return _shorten(f"RUN {run} exited with status {instruction[2]}; see its output above", _LIMIT)
    where = f"`{_shorten(command, 120)}`: " if command else ""
    text = output if output.strip() else message
    line = next((found[0].strip() for pattern in _ERROR_LINES if (found := pattern.search(text))), "")
    if line and (causes := _UV_CAUSE.findall(text)):
        line = f"{line}: {causes[-1]}"
    return _shorten(where + (line or last_line(text) or "the engine gave no reason"), _LIMIT)


def last_line(text: str) -> str:
    """Return the last line of ``text`` that is not blank; empty if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
