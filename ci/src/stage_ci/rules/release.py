"""What a release is, when it goes ahead, and how it reads."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from stage_ci.errors import InvalidFilename, InvalidInput, InvalidVersion
from stage_ci.rules.manifest import Change
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.version import Version, VersionLine

# GitHub's own limit for a path is 4,096 bytes; a manifest's is far below.
_MAX_FILENAME: Final = 1024
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\\]")


class Outcome(StrEnum):
    """How a stage ended: each of these is a success."""

    RELEASED = "released"
    ALREADY_RELEASED = "already-released"
    SUPERSEDED = "superseded"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Filename:
    """A file of the infrastructure repository, relative to its root."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the path written in ``text``.

        Raises:
            InvalidFilename: if it is empty, absolute, leaves the repository, or could not be a path in git.
        """
        parts = text.split("/")
        if len(text) > _MAX_FILENAME or _UNPRINTABLE.search(text) or {"", ".", "..", ".git"} & set(parts):
            raise InvalidFilename(f"--filename={text[:100]!r} names no file inside the infrastructure repository")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Release:
    """The end of a stage: the fields of its JSON, and the lines of its summary.

    Attributes:
        repository: The image's repository.
        version: The version of this run's own inputs.
        digest: What the registry holds under that version.
        commit: The infrastructure commit in which the manifest names the version, or that of the newest look at it if
            it names another: a newer one if superseded, an older one if held.
        manifest: The file that names it.
        outcome: How the stage ended.
        deployed: What became of the manifest, a line each; empty if it named the version before.
        checks: One line for each step that held, by the step's name.
        rehearsal: The name of the rehearsal; None for a real release.
    """

    repository: Repository
    version: Version
    digest: Digest
    commit: str
    manifest: Filename
    outcome: Outcome
    deployed: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    rehearsal: str | None = None

    def json(self) -> str:
        """Return one JSON object on one line."""
        fields = {
            "image": str(self.repository),
            "version": str(self.version),
            "digest": str(self.digest),
            "commit": self.commit,
            "manifest": str(self.manifest),
            "outcome": str(self.outcome),
        }
        return json.dumps(fields) + "\n"

    def text(self) -> str:
        """Return a short summary for a person."""
        lines = [f"{self._headline()}: {self.repository}:{self.version}@{self.digest}"]
        if self.rehearsal:
            lines.insert(0, f"Rehearsal {self.rehearsal!r}: nothing left this machine")
        rows = [*self.checks.items(), *(("manifest", line) for line in self.deployed or [f"{self.manifest} unchanged"])]
        # Four blanks make a block of code where the text is shown as Markdown, as in a summary of GitHub Actions.
        lines += ["", *(f"    {name:9} {line}" for name, line in [*rows, ("commit", self.commit)])]
        return "\n".join(lines) + "\n"

    def _headline(self) -> str:
        return {
            Outcome.RELEASED: "Released",
            Outcome.ALREADY_RELEASED: "Already released",
            Outcome.SUPERSEDED: "Superseded by a newer version in the manifest",
            Outcome.HELD: "Held back by a marker in the manifest",
        }[self.outcome]


def renderer(name: str) -> Callable[[Release], str]:
    """Return what writes a release in the format ``name``.

    Raises:
        InvalidInput: if there is no such format.
    """
    try:
        return {"text": Release.text, "json": Release.json}[name]
    except KeyError:
        raise InvalidInput(f"--format={name[:40]!r} is no format", remedy="give text or json") from None


def newer_than(version: Version, tags: Iterable[str], line: VersionLine) -> Version | None:
    """Return the newest version above ``version`` among a manifest's tags: a deploy must not go back from it."""
    return max((found for found in line.select(tags) if found > version), default=None)


def moved_line(filename: Filename, change: Change) -> str:
    """Return how a reference that was moved is told."""
    return f"{filename}:{change.line} {change.old} -> {change.new}"


def held_line(filename: Filename, change: Change) -> str:
    """Return how a reference that a marker holds is told: by whom, and what lets it go."""
    marker = f"the marker on line {change.hold.line}" if change.hold else "the marker"
    return f"{filename}:{change.line} {change.old} is {change.hold}; to lift it, remove {marker} and run again"


def superseded_line(filename: Filename, newer: Version) -> str:
    """Return how a manifest that names a newer version is told, and what takes it back."""
    return f"{filename} names {newer}, which is newer: it stays; --allow-downgrade takes it back"


def require_line(line: VersionLine, tags: Iterable[str], filename: str) -> None:
    """Do nothing if no tag of a manifest is of a higher line than ``line``: a sibling's, or one that was left behind.

    Raises:
        InvalidVersion: if one is; names it and the flag.
    """
    for tag in tags:
        found = VersionLine.of(tag)
        if found and found > line:
            raise InvalidVersion(
                f"{filename} names {tag}, of a higher line than {line}", remedy=f"give --version-line={found}"
            )


def line_version(line: VersionLine, text: str) -> Version:
    """Return the version in ``text`` that can be deployed.

    Raises:
        InvalidVersion: if it is none of the line.
    """
    version = line.parse_version(text)
    if version == line.version(0):
        raise InvalidVersion(f"--image-version={text} was never released: the first is {line.version(1)}")
    return version
