"""Copies of the service's source, and edits of one line that every check still passes."""

import re
import secrets
import shutil
from pathlib import Path
from typing import Final

from bench.processes import ROOT
from bench.rows import MeasurementError

EDITED: Final = {
    "service": "src/callcenterai_svm/service/schemas.py",
    "training": "src/callcenterai_svm/metrics.py",
    "tests": "tests/unit/test_topics.py",
    "data": "data/tickets.csv",
    "requirements": "requirements",
}
"""The file that an edit of each kind changes."""

# In the root of this repository; the module would not upload it either.
_LEFT_OUT: Final = ("bench", "ci", "docs", "examples", "reports", "dagger.json", "Makefile", "LICENSE")
# In any folder: what belongs to this machine.
_HIDDEN: Final = (".git", ".github", ".venv", ".env", ".ci", ".*_cache", ".hypothesis", "__pycache__")


def copy_source(folder: Path) -> Path:
    """Copy the service's source into the folder ``folder``, which must not exist, and return it."""
    hidden = shutil.ignore_patterns(*_HIDDEN)

    def left_out(parent: str, names: list[str]) -> set[str]:
        return hidden(parent, names) | (set(_LEFT_OUT) if Path(parent) == ROOT else set())

    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


def edit(source: Path, kind: str) -> None:
    """Change one line of the file of ``kind`` in ``source``, to a text that it never had."""
    path = source / EDITED[kind]
    path.write_text(edited((ROOT / EDITED[kind]).read_text(), path.suffix, secrets.token_hex(4)))


def edited(text: str, suffix: str, word: str) -> str:
    """Return ``text`` with ``word`` in one line.

    Args:
        text: The content of a file.
        suffix: The suffix of its name.
        word: The word to add: to the docstring of a module, to the first ticket, or to the comment in the first line.

    Raises:
        MeasurementError: if the line to edit does not look as expected.
    """
    first, rest = text.split("\n", 1)
    if suffix == ".csv":
        ticket, rest = rest.split("\n", 1)
        return "\n".join([first, re.sub(r"\w+", rf"\g<0> {word}", ticket, count=1), rest])
    pattern, changed = (r'("""\w.*)\."""', rf'\1 ({word})."""') if suffix == ".py" else (r"(# .+)\.", rf"\1 ({word}).")
    line, count = re.subn(rf"^{pattern}$", changed, first)
    if not count:
        raise MeasurementError(f"invalid first line {first!r}: expected a docstring of one line, or a comment")
    return f"{line}\n{rest}"
