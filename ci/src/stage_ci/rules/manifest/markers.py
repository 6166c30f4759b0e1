"""Marker comments: which scalars they declare to be references, and which references they hold.

::

    image: owner/service:v1.0.4    # stage-ci: hold by=alice reason=v1.0.5 loses tickets
    value: owner/service:v1.0.4    # stage-ci: image
    tag: v1.0.4                    # stage-ci: tag of owner/service
    digest: sha256:…               # stage-ci: digest of owner/service

A marker applies to its own line or, if it is alone on its line, to the next line with content. A comment that is meant
as a marker and is none is rejected, because it may be a hold that someone relies on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, TypeAlias

from stage_ci.errors import InvalidMarker, InvalidReference
from stage_ci.rules.manifest.comments import Comment, read_comments
from stage_ci.rules.manifest.sites import ImageMarker
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Repository

PLACEMENT: Final = (
    "put it on the line of the reference, or alone on the line above; a field that is not read as an image needs none"
)

_PREFIX: Final = "stage-ci:"
# At the start of a comment, or after the comment of another tool on the same line, such as Flux's image policy marker:
# https://fluxcd.io/flux/guides/image-update/
_MARKER: Final = re.compile(rf"(?:^|(?:^|\s)#[ \t]*){_PREFIX}(.*)")
_HOLD: Final = re.compile(r"""hold(?:\s+by=(?:"([^"]*)"|(\S+)))?(?:\s+reason=(.+))?""")
_IMAGE_MARKER: Final = re.compile(r"(image)|(tag|digest)\s+of\s+(\S+)")
_MAX_SHOWN: Final = 200  # characters: a summary shows a marker on one line

# The name of the tool in any case, with any separator, as a word of its own: not in a path or in another name. The
# groups are a colon, the word behind it, and more of the line.
_NAME: Final = re.compile(
    r"(?<![\w`\"'])(?<![\w.][/.-])(?<!://)stage[ \t_\u2010-\u2015\u2212-]?ci(?!\w|[/.-](?!hold(?![\w./-]))\w)"
    r"[ \t]*([:=]?)(?=[ \t]*(\w*)(.{0,300}))",
    re.IGNORECASE,
)
_WORDS: Final = ("hold", "image", "tag", "digest")
# What follows the name without a colon in a marker, and hardly in a sentence: `stage-ci hold by=alice`.
_ARGUMENTS: Final = re.compile(r"\W{0,3}(?:hold\b|(?:tag|digest)\s+of\b)|.*\b(?:by|reason)=", re.IGNORECASE)
_ALONE: Final = re.compile(r"\W{0,3}(?:image|tag|digest)\W*", re.IGNORECASE)
# What may be the name, misspelled, before a marker, or a hold without it.
_MISSPELLED: Final = re.compile(
    r"(?<![\w/.`\"'-])([\w./-]{6,9})[ \t]*:[ \t]*(?:hold|(?:tag|digest)[ \t]+of)\b|\bhold[ \t]+by=", re.IGNORECASE
)
_QUOTED: Final = re.compile(r"`[^`]*`|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Hold:
    """A marker that keeps references unchanged.

    Args:
        line: The line of the marker, counted from 1.
        by: The person who set it; empty if the marker has no name.
        reason: The reason; empty if the marker gives none.
    """

    line: int
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"held{self.by and f' by {self.by}'}{self.reason and f' ({self.reason})'}"


HoldMarker: TypeAlias = tuple[Comment, Hold]


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers of a manifest.

    Args:
        holds: The holds with their comments, in the order of the text.
        images: The markers that declare references, by the line that they apply to.
    """

    holds: Sequence[HoldMarker] = ()
    images: Mapping[int, ImageMarker] = field(default_factory=dict)


def read_markers(manifest: ManifestText) -> Markers:
    """Return the markers of a manifest that is valid YAML.

    Raises:
        InvalidMarker: if a marker cannot be parsed, such as a misspelled hold, if it is inside of a text, or if two
            declare one line.
    """
    if not (_NAME.search(manifest.text) or _MISSPELLED.search(manifest.text)):
        return Markers()
    holds: list[HoldMarker] = []
    images: dict[int, ImageMarker] = {}
    for comment in read_comments(manifest):
        marker = _read_marker(manifest, comment)
        if isinstance(marker, Hold):
            holds.append((comment, marker))
        elif marker and images.setdefault(comment.applies_to, marker) is not marker:
            raise _error(manifest, comment.line, f"line {comment.applies_to} has two image, tag or digest markers")
    return Markers(holds, images)


def _read_marker(manifest: ManifestText, comment: Comment) -> Hold | ImageMarker | None:
    found = _MARKER.search(comment.text)
    if found is None and not _is_meant(comment.text):
        return None
    if comment.is_text:
        cause = f"the marker in line {comment.line} is part of a text, and for YAML no comment"
        raise _error(manifest, comment.line, cause, "put it behind the key of the text, or alone on the line above")
    text = found[1].strip() if found else comment.text
    is_single = found and not _MARKER.search(text) and not _is_meant(comment.text[: found.start()])
    marker = _parse_marker(comment, text) if is_single else None
    if marker is None:
        raise _error(manifest, comment.line, f"invalid marker {text[:_MAX_SHOWN]!r}")
    return marker


def _is_meant(comment: str) -> bool:
    """Return whether a comment without a valid marker is meant as one, and does not only mention the tool."""
    text = _QUOTED.sub(" ", comment)
    for found in _NAME.finditer(text):
        colon, word, rest = found.groups()
        is_first = not text[: found.start()].strip("# \t")
        if is_first and (colon or _ALONE.fullmatch(word + rest)):
            return True
        if _ARGUMENTS.match(word + rest) or (colon and get_close_matches(word.lower(), _WORDS, 1, 0.7)):
            return True
    misspelled = (found[1] for found in _MISSPELLED.finditer(text))
    return any(not name or get_close_matches(name.lower(), [_PREFIX[:-1]], 1, 0.85) for name in misspelled)


def _parse_marker(comment: Comment, text: str) -> Hold | ImageMarker | None:
    if hold := _HOLD.fullmatch(text):
        by, reason = hold[1] or hold[2] or "", (hold[3] or "").strip('"')
        return Hold(comment.line, by[:_MAX_SHOWN], reason[:_MAX_SHOWN])
    image = _IMAGE_MARKER.fullmatch(text)
    if not image or (image[3] and not _is_repository(image[3])):
        return None
    return ImageMarker(comment.line, image[1] or image[2], image[3] or "")


def _is_repository(text: str) -> bool:
    try:
        Repository.parse(text)
    except InvalidReference:
        return False
    return True


def _error(manifest: ManifestText, line: int, cause: str, remedy: str | None = None) -> InvalidMarker:
    return InvalidMarker(f"{manifest.filename}:{line}: {cause}", remedy=remedy)
