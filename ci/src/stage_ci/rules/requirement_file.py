"""Requirement files: which packages a file names.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/, where a requirement is one of PEP 508.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_CONTINUATION: Final = re.compile(r"\\\r?\n")
# A comment, or an option after a requirement such as --hash, and all that follows.
_NOT_REQUIREMENT: Final = re.compile(r"(?<!\S)(#|--).*")


def read_requirements(text: str) -> Iterator[Requirement]:
    r"""Yield the requirements in the text of a requirement file.

    Options, inclusions of other files, paths and bare URLs name no package and are left out.

    >>> [str(requirement) for requirement in read_requirements("-r base\nnumpy>=2 \\\n    --hash=sha256:00\n")]
    ['numpy>=2']

    Args:
        text: The file.
    """
    for line in _CONTINUATION.sub(" ", text).splitlines():
        try:
            yield Requirement(_NOT_REQUIREMENT.sub("", line))
        except InvalidRequirement:
            continue


def missing_requirements(wanted: Iterable[str], text: str) -> list[str]:
    """Return the requirements in ``wanted`` whose packages a requirement file does not name.

    Args:
        wanted: Requirements, such as ``pytest>=9``.
        text: The file, whose own version of a package is kept.
    """
    named = {canonicalize_name(requirement.name) for requirement in read_requirements(text)}
    return [requirement for requirement in wanted if canonicalize_name(Requirement(requirement).name) not in named]
