"""The release: its arguments, its outcome, and its output as text or JSON."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self, TypeVar

from stage_ci.errors import InvalidFilename, InvalidInput, InvalidVersion
from stage_ci.rules import timeline
from stage_ci.rules.evidence import Identity, Kind
from stage_ci.rules.manifest import Change, LeftBehind
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.revision import Revision
from stage_ci.rules.timeline import Span
from stage_ci.rules.version import Version, VersionLine

# Characters; Linux limits a path to 4,096 bytes (PATH_MAX in linux/limits.h), and a manifest's path is far shorter.
_MAX_FILENAME: Final = 1024
_MAX_LEFT: Final = 20  # lines of a summary

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\\]")

T = TypeVar("T")


class Outcome(StrEnum):
    """The outcome of a successful stage."""

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
            InvalidFilename: if it is empty, absolute, leads out of the repository, or cannot be a path in git.
        """
        parts = text.split("/")
        if len(text) > _MAX_FILENAME or _UNPRINTABLE.search(text) or {"", ".", "..", ".git"} & set(parts):
            raise InvalidFilename(f"invalid --filename={text[:100]!r}: not a path inside the infrastructure repository")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """An image and the line of its versions in which it is released.

    Attributes:
        repository: The image's repository.
        versions: The version line.
    """

    repository: Repository
    versions: VersionLine

    @classmethod
    def parse(cls, image: str, version_line: str) -> Self:
        """Return the release line that the arguments ``--image`` and ``--version-line`` describe.

        Raises:
            InvalidReference: if the image cannot be parsed.
            InvalidVersion: if the version line cannot be parsed.
        """
        return cls(
            _parse("--image", Repository.parse, image), _parse("--version-line", VersionLine.parse, version_line)
        )


@dataclass(frozen=True, slots=True)
class Release:
    """The result of a stage: the fields of its JSON, and the lines of its summary.

    Attributes:
        repository: The image's repository.
        version: The version of this run's inputs.
        digest: The digest of that version in the registry.
        commit: The infrastructure commit in which the manifest names the version. If the manifest is superseded or
            held, the commit in which it was read.
        manifest: The path of the manifest.
        outcome: The outcome.
        deployed: One line for each reference that moved or is held, and for a newer version; empty if the manifest
            named the version before.
        left: One line for each value of the manifest that names the image and does not move with it.
        checks: The summary of each check, by its name.
        timeline: The time that each step took.
        rehearsal: The name of the rehearsal; None for a real release.
        revision: The revision of the source; None if it was not given.
        evidence: The digest of each piece of evidence that the version's record names.
        signer: Who signed the evidence, as in the record; empty if nobody did.
        replaced: The version of the same inputs that this one replaces, and why; empty if it replaces none.
    """

    repository: Repository
    version: Version
    digest: Digest
    commit: str
    manifest: Filename
    outcome: Outcome
    deployed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    timeline: Sequence[Span] = ()
    rehearsal: str | None = None
    revision: Revision | None = None
    evidence: Mapping[Kind, Digest] = field(default_factory=dict)
    signer: str = ""
    replaced: str = ""

    def json(self) -> str:
        """Return one JSON object on one line."""
        fields = {
            "image": str(self.repository),
            "version": str(self.version),
            "digest": str(self.digest),
            "commit": self.commit,
            "manifest": str(self.manifest),
            "outcome": str(self.outcome),
            "revision": self.revision.commit if self.revision else None,
            "evidence": {str(kind): str(digest) for kind, digest in self.evidence.items()},
            "timeline": [span.json() for span in self.timeline],
        }
        return json.dumps(fields) + "\n"

    def text(self) -> str:
        """Return a summary for people."""
        lines = [f"{self._headline()}: {self.repository}:{self.version}@{self.digest}"]
        if self.rehearsal:
            lines.insert(0, f"Rehearsal {self.rehearsal!r}: nothing left this machine")
        rows = [*self.checks.items(), *(("manifest", line) for line in self.deployed or [f"{self.manifest} unchanged"])]
        rows += [("left", line) for line in self.left]
        if self.revision or not self.rehearsal:
            rows.append(("source", str(self.revision or "not known: --source-revision was not given")))
        rows += [("replaces", self.replaced)] if self.replaced else []
        rows += [("evidence", self._evidence()), ("commit", self.commit), ("time", timeline.summary(self.timeline))]
        # Four spaces make a code block in Markdown, which the summary of GitHub Actions is.
        lines += ["", *(f"    {name:9} {line}" for name, line in rows)]
        return "\n".join(lines) + "\n"

    def _evidence(self) -> str:
        if not self.evidence:
            return "none: the version was recorded without any"
        return f"{', '.join(self.evidence)}, {self._signed()}"

    def _signed(self) -> str:
        if not self.signer:
            return "not signed: it was released with neither --signing-key nor --identity-token"
        if identity := Identity.recorded(self.signer):
            return f"signed by {identity.name}"
        return "signed with the rehearsal's own key" if self.rehearsal else "signed with a key"

    def _headline(self) -> str:
        return {
            Outcome.RELEASED: "Released",
            Outcome.ALREADY_RELEASED: "Already released",
            Outcome.SUPERSEDED: "Superseded by what the manifest names",
            Outcome.HELD: "Held back by a marker in the manifest",
        }[self.outcome]


def renderer(name: str) -> Callable[[Release], str]:
    """Return the function that prints a release in the format ``name``.

    Raises:
        InvalidInput: if it is neither text nor json.
    """
    try:
        return {"text": Release.text, "json": Release.json}[name]
    except KeyError:
        raise InvalidInput(f"invalid --format={name[:40]!r}: expected text or json") from None


def moved_line(filename: Filename, change: Change) -> str:
    """Return the line of a summary for a reference that moved."""
    return f"{filename}:{change.line} {change.old} -> {change.new}"


def held_line(filename: Filename, change: Change) -> str:
    """Return the line of a summary for a held reference: the person who set the hold, and how to lift it."""
    marker = f"the marker on line {change.hold.line}" if change.hold else "the marker"
    return f"{filename}:{change.line} {change.old} is {change.hold}; to lift it, remove {marker} and run again"


def left_lines(filename: Filename, left: Sequence[LeftBehind]) -> tuple[str, ...]:
    """Return the lines of a summary for what names the image and does not move: where, why, and what moves it."""
    lines = [f"{filename}:{value.line} {value}" for value in left[:_MAX_LEFT]]
    more = len(left) - _MAX_LEFT
    return (*lines, *([f"{filename}: {more} more that name the image and stay"] if more > 0 else []))


def superseded_line(filename: Filename, newer: str) -> str:
    """Return the line of a summary for a manifest that stays because of what it names, with the flag that moves it."""
    return f"{filename} names {newer}: it stays; --allow-downgrade moves it back"


def line_version(line: VersionLine, text: str) -> Version:
    """Parse the version to deploy.

    Raises:
        InvalidVersion: if it is not a version of the line, or is below the first one.
    """
    version = line.parse_version(text)
    if version == line.version(0):
        raise InvalidVersion(f"--image-version={text} was never released: the first is {line.version(1)}")
    return version


def _parse(flag: str, parse: Callable[[str], T], text: str) -> T:
    """Parse the value of a flag, and put the flag's name before the cause of an error."""
    try:
        return parse(text)
    except InvalidInput as error:
        raise type(error)(f"{flag}: {error.cause}", remedy=error.remedy, step=error.step) from error
