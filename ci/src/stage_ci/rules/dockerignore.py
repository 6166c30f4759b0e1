"""The patterns of a .dockerignore: https://docs.docker.com/build/concepts/context/#dockerignore-files."""

import posixpath
from typing import Final

_BYTE_ORDER_MARK: Final = "\ufeff"


def patterns(text: str) -> list[str]:
    r"""Return the patterns in the text of a .dockerignore, as the builder reads them.

    A path is relative to the context with or without a leading slash. ``!`` includes files again that an earlier
    pattern excludes.

    >>> patterns("# all but the source\n*\n!/src\n")
    ['*', '!src']
    """
    lines = [line.strip() for line in text.removeprefix(_BYTE_ORDER_MARK).splitlines() if not line.startswith("#")]
    return [_pattern(line) for line in lines if line]


def _pattern(line: str) -> str:
    sign, path = ("!", line[1:].strip()) if line.startswith("!") else ("", line)
    clean = posixpath.normpath(path) if path else ""
    return sign + (clean.lstrip("/") if len(clean) > 1 else clean)
