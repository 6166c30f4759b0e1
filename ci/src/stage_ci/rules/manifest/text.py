"""A manifest as text: its bytes decoded, its lines counted, and the unified diff of two versions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby
from typing import Final, Self

from stage_ci.errors import InvalidManifest, ManifestMissing

# etcd, which stores the objects of a cluster, rejects requests above 1.5 MiB (https://etcd.io/docs/latest/dev-guide/limit/).
# Manifests written by people stay far below.
MAX_BYTES: Final = 1 << 20

_NEWLINE: Final = re.compile(r"\r\n?|\n")  # https://yaml.org/spec/1.2.2/#54-line-break-characters

_DIFF_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")  # git ends a line at a line feed and nowhere else
_DIFF_CONTEXT: Final = 3  # git's default number of lines around a change


@dataclass(frozen=True, slots=True)
class ManifestText:
    """The name and text of a manifest.

    The text is decoded from UTF-8 and encoded to UTF-8, so equal text means equal bytes.
    """

    filename: str
    text: str

    @classmethod
    def decode(cls, content: bytes, filename: str) -> Self:
        """Return the text of ``content``; a byte order mark stays part of it.

        Args:
            content: The whole file.
            filename: The file's name in messages.

        Raises:
            InvalidManifest: if it is larger than ``MAX_BYTES``.
            ManifestMissing: if it is empty or not UTF-8.
        """
        if len(content) > MAX_BYTES:
            raise InvalidManifest(f"{filename} has {len(content)} bytes, which exceeds the limit of {MAX_BYTES}")
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise ManifestMissing(f"{filename} is not UTF-8 text: {error.reason} at byte {error.start}") from error
        if not text.strip("\ufeff \t\r\n"):
            raise ManifestMissing(f"{filename} is empty")
        return cls(filename, text)

    def count_newlines(self, start: int, end: int) -> int:
        """Return the number of line breaks between two positions."""
        return len(_NEWLINE.findall(self.text, start, end))

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1; empty if there is no such line."""
        lines = _NEWLINE.split(self.text, number)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def error(self, cause: str, *, line: int | None = None, remedy: str | None = None) -> InvalidManifest:
        """Return the error for a manifest that cannot be edited.

        Args:
            cause: What is wrong.
            line: The line, counted from 1; None if the whole file is meant.
            remedy: What the reader can do; None for the default of the error class.
        """
        location = self.filename if line is None else f"{self.filename}:{line}"
        return InvalidManifest(f"{location}: {cause}", remedy=remedy)


def diff(before: bytes, after: bytes, *, filename: str) -> str:
    """Return the unified diff of two versions of a manifest; empty if they are equal.

    The diff is a patch that ``git apply`` turns into ``after`` byte by byte: a carriage return stays at the end of its
    line, and a last line without a line feed is marked.

    Args:
        before: The file before the edit.
        after: The file after the edit.
        filename: The file's path in its repository.

    Raises:
        ManifestMissing: if either version is empty or not UTF-8.
        InvalidManifest: if either version is larger than ``MAX_BYTES``.
    """
    old, new = (_DIFF_LINE.findall(ManifestText.decode(content, filename).text) for content in (before, after))
    names = f"a/{filename}", f"b/{filename}"
    # An edit keeps the number of lines, so lines are compared in pairs: difflib takes time quadratic in their number.
    lines = _diff_pairs(old, new, *names) if len(old) == len(new) else unified_diff(old, new, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _diff_pairs(old: Sequence[str], new: Sequence[str], old_name: str, new_name: str) -> Iterator[str]:
    hunks = list(_hunks([number for number, line in enumerate(old) if line != new[number]], len(old)))
    if hunks:
        yield from (f"--- {old_name}\n", f"+++ {new_name}\n")
    for hunk in hunks:
        lines = f"{hunk.start + 1},{len(hunk)}"
        yield f"@@ -{lines} +{lines} @@\n"
        for equal, run in groupby(hunk, lambda number: old[number] == new[number]):
            numbers = list(run)
            yield from (f"{' ' if equal else '-'}{old[number]}" for number in numbers)
            yield from (f"+{new[number]}" for number in numbers if not equal)


def _hunks(changed: Sequence[int], total: int) -> Iterator[range]:
    """Yield the ranges of lines to show: the changed lines with their context, merged where contexts touch."""
    hunk: range | None = None
    for number in changed:
        start, end = max(0, number - _DIFF_CONTEXT), min(total, number + _DIFF_CONTEXT + 1)
        if hunk and start <= hunk.stop:
            hunk = range(hunk.start, end)
        else:
            if hunk:
                yield hunk
            hunk = range(start, end)
    if hunk:
        yield hunk
