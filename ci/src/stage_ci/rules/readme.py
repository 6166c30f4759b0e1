"""The files that the metadata of a package quotes: https://packaging.python.org/en/latest/specifications/pyproject-toml/.

The filter of --source leaves out *.md and LICENSE at the root, so that an edit of a README releases nothing; but a
build backend such as hatchling, or the setup.py that opens the file, fails without it.
"""

import posixpath
import re
import tomllib
from collections.abc import Collection, Iterator
from typing import Any, Final

from stage_ci.rules.source import has_wildcard

# Where a package's metadata are.
METADATA_FILES: Final = ("pyproject.toml", "setup.py")
_LITERAL: Final = re.compile(r"""["']([\w./-]+\.md)["']""")


def missing_readme(path: str, text: str, paths: Collection[str]) -> list[str]:
    """Return the paths of the files that a ``pyproject.toml`` or a ``setup.py`` quotes and the source does not have.

    Args:
        path: The path of the ``pyproject.toml`` or ``setup.py`` in the source.
        text: Its text; empty if there is none.
        paths: The paths of all files of the source.
    """
    try:
        names = _LITERAL.findall(text) if path.endswith(".py") else list(_quoted(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, AttributeError):
        return []
    quoted = [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names]
    return [name for name in dict.fromkeys(quoted) if name not in paths and not name.startswith(("/", "../"))]


def _quoted(settings: Any) -> Iterator[str]:  # noqa: ANN401 - TOML of any type
    project, poetry = settings.get("project") or {}, (settings.get("tool") or {}).get("poetry") or {}
    # A license that is a text is an expression, such as MIT.
    tables = [value for value in (project.get("readme"), project.get("license")) if isinstance(value, dict)]
    names = [table.get("file") for table in tables]
    for value in (project.get("readme"), project.get("license-files"), poetry.get("readme")):
        names += value if isinstance(value, list) else [value]
    yield from (name for name in names if isinstance(name, str) and not has_wildcard(name))
