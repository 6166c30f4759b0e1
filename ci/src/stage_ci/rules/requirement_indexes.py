"""Where requirement files take packages from: pip takes what all of them say together, and uv each file apart."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_INDEXES: Final = ("--index-url", "--extra-index-url", "--find-links", "--no-index")
_REPLACED: Final = ("--index-url ", "--extra-index-url ")
_INCLUDING: Final = ("--requirement", "--constraint")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def join_indexes(texts: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the texts of requirement files with the indexes and folders of all of them in the first one.

    As pip reads the files one after the other, an --index-url replaces what was named before, also by
    --extra-index-url: pip's _internal/req/req_file.py, handle_option_line. uv rejects a second --index-url, and ignores
    the options of a file of constraints: astral-sh/uv, crates/uv-requirements-txt.

    Args:
        texts: The texts of the files as `RequirementFile` writes them, by path.
        names: The paths of the files that are installed, in this order.
    """
    lines: list[str] = []
    seen: set[str] = set()
    for option, value in (found for name in names for found in _indexes(texts, name, seen)):
        kept = [line for line in lines if option != "--index-url" or not line.startswith(_REPLACED)]
        lines = [*kept, f"{option} {value}".rstrip()]
    lined = {path: text.splitlines() for path, text in texts.items()}
    others = {path: [line for line in each if _option(line) not in _INDEXES] for path, each in lined.items()}
    for name in names[:1]:
        others[name] = [*lines, *others[name]]
    return {path: "".join(f"{line}\n" for line in each) for path, each in others.items()}


def _option(line: str) -> str:
    return line.partition(" ")[0]


def _indexes(texts: Mapping[str, str], path: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield these options of a file and of those that it includes, with paths relative to the source."""
    if path in seen or path not in texts:
        return
    seen.add(path)
    for line in texts[path].splitlines():
        option, _, value = line.partition(" ")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), value.strip("'")))
        if option in _INDEXES:
            yield option, value if not value or _URL.match(value) else beside
        elif option in _INCLUDING:
            yield from _indexes(texts, beside, seen)
