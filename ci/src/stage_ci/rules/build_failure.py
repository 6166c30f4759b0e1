"""Finds the line of a failed build that tells a person what to mend."""

import re
from typing import Final

# In the order of how much each says: pip's and uv's reason, apt's reason, the Dockerfile parser's complaint.
_TELLING: Final = (
    re.compile(
        r"^.*(?:No matching distribution found for|has no solution|not found in the package registry).*$", re.MULTILINE
    ),
    re.compile(r"^E: .*$", re.MULTILINE),
    re.compile(r"^.*(?:ERROR|Error|error): .*$", re.MULTILINE),
    re.compile(r"^.*(?:dockerfile parse error|failed to calculate checksum|unknown instruction).*$", re.MULTILINE),
)
# What uv says beneath its error, from what failed to why.
_WHY: Final = re.compile(r"^ +(?:cause|Caused by): (.*)$", re.MULTILINE)
# BuildKit's words for an instruction that failed.
_RAN: Final = re.compile(r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: exit code: (\d+)', re.DOTALL)
_LIMIT: Final = 300  # characters: one line a person reads


def build_cause(message: str, command: str, output: str) -> str:
    """Return one line naming the instruction or package a build failed on.

    Args:
        message: The engine's error.
        command: The command that failed, empty if it was none.
        output: What the command wrote.
    """
    if ran := _RAN.search(message):
        # An instruction of the Dockerfile: what it wrote was shown as it ran, the error does not repeat it.
        return _short(f"RUN {_short(ran[1], 200)} ended with {ran[2]}; what it wrote stands above", _LIMIT)
    where = f"`{_short(command, 120)}`: " if command else ""
    text = output if output.strip() else message
    telling = next((found[0].strip() for pattern in _TELLING if (found := pattern.search(text))), "")
    if telling and (reasons := _WHY.findall(text)):
        telling = f"{telling}: {reasons[-1]}"
    return _short(where + (telling or last_line(text) or "the engine gave no reason"), _LIMIT)


def last_line(text: str) -> str:
    """Return the last line of ``text`` that holds anything; empty if none does."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
