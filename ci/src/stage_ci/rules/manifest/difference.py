"""What an edit changes, as the unified diff that git shows and applies."""

import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import groupby
from typing import Final

from stage_ci.rules.manifest.source import Source

_CONTEXT: Final = 3  # lines around a change, as git has it
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


def diff(before: bytes, after: bytes, *, filename: str) -> str:
    """Return the difference of two versions of a manifest as a unified diff; empty when they are equal.

    Lines end at a line feed and nowhere else, as for git: a carriage return stays at the end of its line, and a last
    line without an end is marked as such, so that the text is a patch that gives ``after`` byte by byte.

    Args:
        before: The file as it was.
        after: The file as it is.
        filename: The file's path in its repository.

    Raises:
        ManifestMissing: if either is empty or not UTF-8.
        InvalidManifest: if either is larger than what ``update`` reads.
    """
    old, new = (_LINE.findall(Source.decode(content, filename).text) for content in (before, after))
    names = f"a/{filename}", f"b/{filename}"
    # An edit keeps its lines apart, so they are compared in pairs: difflib takes a time that grows with the square.
    lines = _paired(old, new, *names) if len(old) == len(new) else unified_diff(old, new, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _paired(old: Sequence[str], new: Sequence[str], old_name: str, new_name: str) -> Iterator[str]:
    hunks = list(_hunks([number for number, line in enumerate(old) if line != new[number]], len(old)))
    if hunks:
        yield from (f"--- {old_name}\n", f"+++ {new_name}\n")
    for hunk in hunks:
        where = f"{hunk.start + 1},{len(hunk)}"
        yield f"@@ -{where} +{where} @@\n"
        for equal, run in groupby(hunk, lambda number: old[number] == new[number]):
            numbers = list(run)
            yield from (f"{' ' if equal else '-'}{old[number]}" for number in numbers)
            yield from (f"+{new[number]}" for number in numbers if not equal)


def _hunks(changed: Sequence[int], total: int) -> Iterator[range]:
    """Yield the lines to show: those changed with their context, joined where contexts touch."""
    hunk: range | None = None
    for number in changed:
        start, end = max(0, number - _CONTEXT), min(total, number + _CONTEXT + 1)
        if hunk and start <= hunk.stop:
            hunk = range(hunk.start, end)
        else:
            if hunk:
                yield hunk
            hunk = range(start, end)
    if hunk:
        yield hunk
