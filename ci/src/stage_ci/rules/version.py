"""Versions of one line: which tags count, and which number comes next.

A line is ``vMAJOR.MINOR``, a version ``vMAJOR.MINOR.N`` with a plain decimal N. Whatever else a registry holds
(``latest``, ``v1.0.3-rc1``, ``v1.0.007``) is foreign: read over when listing, refused when given.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidVersion

FIRST: Final = 1  # v1.0.0 may stand in a manifest as a placeholder; the first release is v1.0.1

# Decimal without leading zeros, so that a number has one spelling. Nine digits bound what a foreign tag can make of the
# next version; an OCI tag has room for 128 characters (distribution-spec v1.1, "Pulling manifests").
_NUMBER: Final = r"(0|[1-9][0-9]{0,8})"
_LINE: Final = re.compile(rf"v{_NUMBER}\.{_NUMBER}")
_HIGHEST: Final = 999_999_999
_SHOWN: Final = 128  # characters of a refused text that an error repeats: the longest tag there can be


@dataclass(frozen=True, slots=True, order=True)
class VersionLine:
    """A line of versions that share their first two numbers, such as ``v1.0``."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the line written in ``text``.

        >>> str(VersionLine.parse("v1.0").version(7))
        'v1.0.7'

        Args:
            text: A line as ``vMAJOR.MINOR``, without leading zeros.

        Returns:
            The line.

        Raises:
            InvalidVersion: if ``text`` is anything else.
        """
        match = _LINE.fullmatch(text)
        if match is None:
            raise InvalidVersion(
                f"{text[:_SHOWN]!r} is no version line", remedy="give a line as vMAJOR.MINOR, such as v1.0"
            )
        return cls(int(match[1]), int(match[2]))

    def version(self, number: int) -> "Version":
        """Return version ``number`` of this line.

        Args:
            number: The last of the three numbers, 0 to 999,999,999.

        Returns:
            The version.

        Raises:
            InvalidVersion: if ``number`` is out of range, which means that the line is used up.
        """
        if not 0 <= number <= _HIGHEST:
            raise InvalidVersion(
                f"{self} has no version {number}: the highest is {_HIGHEST}", remedy="start another version line"
            )
        return Version(self, number)

    def parse_version(self, text: str) -> "Version":
        """Return the version of this line written in ``text``.

        Args:
            text: A version as a tag or a manifest spells it, such as ``v1.0.7``.

        Returns:
            The version.

        Raises:
            InvalidVersion: if ``text`` is no version, or one of another line.
        """
        number = self._number(text)
        if number is None:
            raise InvalidVersion(f"{text[:_SHOWN]!r} is no version of the line {self}")
        return Version(self, number)

    def select(self, texts: Iterable[str]) -> list["Version"]:
        """Return the versions of this line among ``texts``, lowest first and each once.

        Args:
            texts: Tags or claims in any order; what is no version of this line is read over.

        Returns:
            The versions in numeric order.
        """
        return sorted({Version(self, number) for number in map(self._number, texts) if number is not None})

    def _number(self, text: str) -> int | None:
        match = re.fullmatch(rf"{re.escape(str(self))}\.{_NUMBER}", text)
        return int(match[1]) if match else None

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One version of a line; versions order by number, never by text."""

    line: VersionLine
    number: int

    def __str__(self) -> str:
        return f"{self.line}.{self.number}"


def next_version(line: VersionLine, tags: Iterable[str], claims: Iterable[Version]) -> Version:
    """Return the version that follows everything released or claimed.

    A claim counts as much as a tag: its run may not have pushed yet. Numbers may be skipped, they are never reused.

    Args:
        line: The line to release in.
        tags: Every tag of the registry, foreign ones included.
        claims: The versions claimed in the infrastructure repository; those of other lines do not count.

    Returns:
        The highest number of both plus one; number 1 when there is none.

    Raises:
        InvalidVersion: if the line is used up.
    """
    taken = [*line.select(tags), *(claim for claim in claims if claim.line == line)]
    return line.version(max(taken).number + 1 if taken else FIRST)
