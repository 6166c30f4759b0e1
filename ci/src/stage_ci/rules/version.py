"""Version lines and versions: which tags belong to a line, and which number comes next.

A line is ``vMAJOR.MINOR`` and a version is ``vMAJOR.MINOR.N``. Both are PEP 440 releases, which ``packaging`` parses
and orders. This module accepts one spelling of each: a ``v`` and plain decimals without leading zeros, with no suffix.
Other tags, such as ``latest``, ``v1.0.3-rc1`` or ``v1.0.007``, are ignored in a list and rejected as an argument.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

from packaging import version as pep440

from stage_ci.errors import InvalidVersion

FIRST: Final = 1  # manifests use v1.0.0 as a placeholder, so the first release is v1.0.1

# Without a bound, one foreign tag could make the next version arbitrarily long.
_HIGHEST: Final = 999_999_999
# A tag that leaves out as many numbers before it is a stray.
_STRAY: Final = 1000
# Characters, and the most that an error repeats: OCI distribution-spec v1.1, "Pulling manifests".
_LONGEST_TAG: Final = 128


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
            InvalidVersion: if ``text`` has any other form.
        """
        match _numbers(text):
            case (major, minor):
                return cls(major, minor)
        raise InvalidVersion(
            f"invalid version line {text[:_LONGEST_TAG]!r}: expected vMAJOR.MINOR", remedy="give a line such as v1.0"
        )

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the line of the version written in ``text``, or None if ``text`` is not a version.

        >>> str(VersionLine.of("v2.0.3"))
        'v2.0'
        """
        match _numbers(text):
            case (major, minor, _):
                return cls(major, minor)
        return None

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
                f"version number {number} of line {self} is out of range: the highest is {_HIGHEST}",
                remedy="start another version line",
            )
        return Version(pep440.Version(f"{self}.{number}"))

    def parse_version(self, text: str) -> "Version":
        """Return the version of this line written in ``text``.

        Args:
            text: A version as a tag or a manifest spells it, such as ``v1.0.7``.

        Returns:
            The version.

        Raises:
            InvalidVersion: if ``text`` is not a version, or belongs to another line.
        """
        if VersionLine.of(text) != self:
            raise InvalidVersion(f"invalid version {text[:_LONGEST_TAG]!r}: expected {self}.N")
        return Version(pep440.Version(text))

    def select(self, texts: Iterable[str]) -> list["Version"]:
        """Return the versions of this line among ``texts``, each once, lowest first.

        Args:
            texts: Tags or claims in any order; those that are not versions of this line are ignored.

        Returns:
            The versions in numeric order.
        """
        return sorted({Version(pep440.Version(text)) for text in texts if VersionLine.of(text) == self})

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One version of a line. Versions are ordered by number, so v1.0.10 follows v1.0.9."""

    release: pep440.Version

    @property
    def line(self) -> VersionLine:
        """The line that the version belongs to."""
        return VersionLine(self.release.major, self.release.minor)

    @property
    def number(self) -> int:
        """The last of the three numbers."""
        return self.release.micro

    def __str__(self) -> str:
        return f"v{self.release}"


def next_version(line: VersionLine, tags: Iterable[str], claims: Iterable[Version]) -> Version:
    """Return the version after the highest one that counts.

    A claim counts like a tag, because the run that holds it may not have pushed yet. Numbers may be skipped but are
    never reused.

    Args:
        line: The line to release in.
        tags: Every tag of the registry; those that are not versions of the line are ignored, and so are strays.
        claims: The versions claimed in the infrastructure repository; those of other lines are ignored.

    Returns:
        The highest number in both plus one, or number 1 if there is none.

    Raises:
        InvalidVersion: if the line is used up.
    """
    claimed = [claim for claim in claims if claim.line == line]
    taken = [*counted(line, tags, claimed), *claimed]
    return line.version(max(taken).number + 1 if taken else FIRST)


def counted(line: VersionLine, tags: Iterable[str], claims: Iterable[Version]) -> list[Version]:
    """Return the versions among ``tags`` that count, lowest first: all of the line but the strays.

    Without this rule, anybody who may push one tag could use up the line.

    Args:
        line: The line.
        tags: Every tag of the registry.
        claims: The versions claimed in the infrastructure repository.
    """
    highest = max((claim.number for claim in claims if claim.line == line), default=0)
    found: list[Version] = []
    for version in line.select(tags):
        if version.number > highest + _STRAY:
            break
        found.append(version)
        highest = max(highest, version.number)
    return found


def strays(line: VersionLine, tags: Collection[str], claims: Collection[Version]) -> list[Version]:
    """Return the versions among ``tags`` that are so far above every other tag and claim that no release made them."""
    return line.select(tags)[len(counted(line, tags, claims)) :]


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of the release in ``text``; none if it is not a release in the accepted spelling."""
    if len(text) > _LONGEST_TAG:
        return ()
    try:
        release = pep440.Version(text).release
    except pep440.InvalidVersion:
        return ()
    spelling = "v" + ".".join(map(str, release))
    return release if spelling == text and max(release) <= _HIGHEST else ()
