"""Marker comments: what people tell the pipeline in a manifest, beside the reference that it is about.

::

    image: owner/service:v1.0.4    # stage-ci: hold by=alice reason=v1.0.5 loses tickets
    value: owner/service:v1.0.4    # stage-ci: image
    tag: v1.0.4                    # stage-ci: tag of owner/service
    digest: sha256:…               # stage-ci: digest of owner/service

A marker speaks of the line on which it stands or, alone on its line, of the next one with content.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stage_ci.errors import InvalidMarker, InvalidReference
from stage_ci.rules.manifest.comments import Comment, comments
from stage_ci.rules.manifest.source import Source
from stage_ci.rules.reference import Repository

_WORD: Final = "stage-ci:"
_HOLD: Final = re.compile(r"""hold(?:\s+by=(?:"([^"]*)"|(\S+)))?(?:\s+reason=(.+))?""")
_NAMING: Final = re.compile(r"(image)|(tag|digest)\s+of\s+(\S+)")
_MOST_SHOWN: Final = 200  # a line of a summary, not a page


@dataclass(frozen=True, slots=True)
class Hold:
    """A marker that keeps references as they are.

    Args:
        line: The line of the marker, counted from 1.
        by: Who set it; empty if it does not say.
        reason: Why; empty if it does not say.
    """

    line: int
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"held{self.by and f' by {self.by}'}{self.reason and f' ({self.reason})'}"


@dataclass(frozen=True, slots=True)
class Naming:
    """A marker that makes a reference, or a part of one, of a scalar that is none by its path.

    Args:
        line: The line of the marker, counted from 1.
        part: What the scalar holds: ``image`` for a whole reference, ``tag`` or ``digest``.
        name: The image's name where the scalar holds a part.
    """

    line: int
    part: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers of a manifest.

    Args:
        holds: Those that hold, each with its comment, in the order of the text.
        namings: Those that name, by the line that they speak of.
    """

    holds: Sequence[tuple[Comment, Hold]] = ()
    namings: Mapping[int, Naming] = field(default_factory=dict)


def markers(source: Source) -> Markers:
    """Return the markers of a manifest that is known to be YAML.

    Raises:
        InvalidMarker: if one says nothing known, which a misspelt hold does, or if two name one line.
    """
    if _WORD not in source.text:
        return Markers()
    holds: list[tuple[Comment, Hold]] = []
    namings: dict[int, Naming] = {}
    for comment, marker in _parsed(source):
        if isinstance(marker, Hold):
            holds.append((comment, marker))
        elif namings.setdefault(comment.about, marker) is not marker:
            raise refusal(source, comment.line, f"a second marker for line {comment.about}")
    return Markers(holds, namings)


def refusal(source: Source, line: int, cause: str, remedy: str | None = None) -> InvalidMarker:
    """Return the error that says what is wrong with the marker on ``line``."""
    return InvalidMarker(f"{source.filename}:{line}: {cause}", remedy=remedy)


def _parsed(source: Source) -> Iterator[tuple[Comment, Hold | Naming]]:
    for comment in comments(source):
        if comment.text.startswith(_WORD):
            text = comment.text.removeprefix(_WORD).strip()
            marker = _hold(text, comment.line) or _naming(text, comment.line)
            if not marker:
                raise refusal(source, comment.line, f"{text[:_MOST_SHOWN]!r} is no marker")
            yield comment, marker


def _hold(text: str, line: int) -> Hold | None:
    found = _HOLD.fullmatch(text)
    by, reason = (found[1] or found[2] or "", found[3] or "") if found else ("", "")
    return Hold(line, by[:_MOST_SHOWN], reason.strip('"')[:_MOST_SHOWN]) if found else None


def _naming(text: str, line: int) -> Naming | None:
    found = _NAMING.fullmatch(text)
    if not found:
        return None
    if found[1]:
        return Naming(line, found[1])
    try:
        Repository.parse(found[3])
    except InvalidReference:
        return None
    return Naming(line, found[2], found[3])
