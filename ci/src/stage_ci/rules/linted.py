"""The files that the linters read, so that an edit of another file starts none of them."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from stage_ci.rules.source import has_wildcard

# Python files, and the files in which black, flake8 and isort find their settings.
_SUFFIXES: Final = frozenset({".py", ".pyi"})
_SETTINGS: Final = frozenset({"pyproject.toml", "setup.cfg", "tox.ini", ".flake8", ".isort.cfg"})


def patterns_not_linted(paths: Iterable[str]) -> list[str]:
    """Return patterns for the files in ``paths`` that no linter reads.

    Folders stay even if they become empty: isort takes the import of a folder's name for one of the project's own.
    """
    names = [PurePosixPath(path) for path in paths]
    unread = [name for name in names if name.suffix not in _SUFFIXES and name.name not in _SETTINGS]
    kept = {name.suffix for name in names if name.name in _SETTINGS}
    patterns = {f"**/*{name.suffix}" if name.suffix and name.suffix not in kept else str(name) for name in unread}
    return sorted(pattern for pattern in patterns if not has_wildcard(pattern.removeprefix("**/*")))


def count_linted(paths: Iterable[str]) -> int:
    """Return the number of Python modules in ``paths``; 0 if src/ has none."""
    modules = [path for path in paths if path.endswith(".py")]
    return len(modules) if any(path.startswith("src/") for path in modules) else 0
