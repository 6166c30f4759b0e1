"""Marker comments: which scalars they declare to be references, and which references they hold.

::

    image: owner/service:v1.0.4    # stage-ci: hold by=alice reason=v1.0.5 loses tickets
    value: owner/service:v1.0.4    # stage-ci: image
    tag: v1.0.4                    # stage-ci: tag of owner/service
    digest: sha256:…               # stage-ci: digest of owner/service

A marker applies to its own line or, if it is alone on its line, to the next line with content.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml.tokens import (
    DirectiveToken,
    DocumentEndToken,
    DocumentStartToken,
    ScalarToken,
    StreamEndToken,
    StreamStartToken,
    Token,
)

from stage_ci.errors import InvalidMarker, InvalidReference
from stage_ci.rules.manifest.nodes import Node, start_of
from stage_ci.rules.manifest.parse import scan
from stage_ci.rules.manifest.sites import ImageMarker, ImageReferenceSite
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Repository

_PREFIX: Final = "stage-ci:"
# At the start of a comment, or after the comment of another tool on the same line, such as Flux's image policy marker:
# https://fluxcd.io/flux/guides/image-update/
_MARKER: Final = re.compile(rf"(?:^|(?:^|\s)#[ \t]*){_PREFIX}(.*)")
_HOLD: Final = re.compile(r"""hold(?:\s+by=(?:"([^"]*)"|(\S+)))?(?:\s+reason=(.+))?""")
_IMAGE_MARKER: Final = re.compile(r"(image)|(tag|digest)\s+of\s+(\S+)")
_MAX_SHOWN: Final = 200  # characters: a summary shows a marker on one line
_PLACEMENT: Final = "put it on the line of the reference, or alone on the line above"

_COMMENT: Final = re.compile(r"#[^\r\n]*")
# A block scalar's header and text are one token, and a comment may follow the header:
# https://yaml.org/spec/1.2.2/#811-block-scalar-headers
_HEADER_COMMENT: Final = re.compile(r"[|>][^ \t\r\n]*[ \t]+(#[^\r\n]*)")
_WITHOUT_CONTENT: Final = (StreamStartToken, DirectiveToken, DocumentStartToken, DocumentEndToken, StreamEndToken)


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


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at its place in the manifest.

    Args:
        text: Its text, without the ``#`` and the whitespace around it.
        start: Its position.
        line: Its line, counted from 1.
        applies_to: Its own line, or the next line with content if it is alone on its line.
        heads_file: Whether it is above all content of the file.
        heads_document: Whether it is above all content of a document.
    """

    text: str
    start: int
    line: int
    applies_to: int
    heads_file: bool = False
    heads_document: bool = False


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers of a manifest.

    Args:
        holds: The holds with their comments, in the order of the text.
        images: The markers that declare references, by the line that they apply to.
    """

    holds: Sequence[tuple[Comment, Hold]] = ()
    images: Mapping[int, ImageMarker] = field(default_factory=dict)


def read_markers(manifest: ManifestText) -> Markers:
    """Return the markers of a manifest that is valid YAML.

    Raises:
        InvalidMarker: if a marker cannot be parsed, such as a misspelled hold, or if two declare one line.
    """
    if _PREFIX not in manifest.text:
        return Markers()
    holds: list[tuple[Comment, Hold]] = []
    images: dict[int, ImageMarker] = {}
    for comment in _read_comments(manifest):
        found = _MARKER.search(comment.text)
        marker = _parse_marker(manifest, comment, found[1].strip()) if found else None
        if isinstance(marker, Hold):
            holds.append((comment, marker))
        elif marker and images.setdefault(comment.applies_to, marker) is not marker:
            raise _error(manifest, comment.line, f"line {comment.applies_to} has two image, tag or digest markers")
    return Markers(holds, images)


def find_holds(
    manifest: ManifestText, markers: Markers, sites: Sequence[ImageReferenceSite], documents: Sequence[Node]
) -> Mapping[int, Hold]:
    """Return the hold of each held site, by the identity of its node; the nearest hold if several apply.

    A hold above all content of a document holds the whole document; above all content of the file, the whole file. A
    hold of a declared tag holds the digest in the same mapping too, and the other way around.

    Args:
        manifest: The manifest.
        markers: Its markers.
        sites: Its references, in the order of the text.
        documents: Its root nodes.

    Raises:
        InvalidMarker: if a hold matches no reference, or another marker does not match exactly one: an ignored marker
            would look like one that works.
    """
    if not markers.holds and not markers.images:
        return {}
    counts: dict[int, int] = {}
    for line in (line for site in sites for line in site.lines):
        counts[line] = counts.get(line, 0) + 1
    for line, marker in markers.images.items():
        if counts.get(line) != 1:
            raise _mismatch(manifest, marker, line, counts.get(line, 0))
    roots = [start_of(document) for document in documents]
    numbers = [bisect_right(roots, start_of(site.node)) - 1 for site in sites]
    scopes = _scopes(manifest, markers.holds, counts, roots, numbers)
    holds = [scopes.nearest(site, number) for site, number in zip(sites, numbers, strict=True)]
    return _shared_holds(sites, numbers, holds)


@dataclass(slots=True)
class _HoldScopes:
    """The hold of the whole file, of documents by their number, and of lines."""

    file: Hold | None = None
    documents: dict[int, Hold] = field(default_factory=dict)
    lines: dict[int, Hold] = field(default_factory=dict)

    def nearest(self, site: ImageReferenceSite, document: int) -> Hold | None:
        on_line = next((self.lines[line] for line in sorted(site.lines) if line in self.lines), None)
        return on_line or self.documents.get(document) or self.file


def _scopes(
    manifest: ManifestText,
    holds: Sequence[tuple[Comment, Hold]],
    counts: Mapping[int, int],
    roots: Sequence[int],
    numbers: Sequence[int],
) -> _HoldScopes:
    scopes = _HoldScopes()
    for comment, hold in holds:
        document = bisect_left(roots, comment.start)
        if comment.heads_file:
            scopes.file, matches = hold, len(numbers)
        elif comment.heads_document:
            scopes.documents[document] = hold
            matches = bisect_right(numbers, document) - bisect_left(numbers, document)
        else:
            scopes.lines[comment.applies_to], matches = hold, counts.get(comment.applies_to, 0)
        if not matches:
            raise _error(manifest, hold.line, "the marker matches no image reference", _PLACEMENT)
    return scopes


def _shared_holds(
    sites: Sequence[ImageReferenceSite], numbers: Sequence[int], holds: Sequence[Hold | None]
) -> Mapping[int, Hold]:
    # The digest selects the image, so a digest that moves beside a held tag would change what the hold keeps.
    groups = [(number, site.mapping, site.reference.repository) for site, number in zip(sites, numbers, strict=True)]
    shared = {group: hold for group, hold in zip(groups, holds, strict=True) if hold and group[1] is not None}
    own = zip(sites, holds, groups, strict=True)
    return {id(site.node): held for site, hold, group in own if (held := hold or shared.get(group))}


def _mismatch(manifest: ManifestText, marker: ImageMarker, line: int, matches: int) -> InvalidMarker:
    if matches:
        cause = f"line {line} has {matches} values that the marker can mean"
        return _error(manifest, marker.line, cause, "put the marked value on a line of its own")
    part = "an image reference" if marker.part == "image" else f"a {marker.part}"
    remedy = f"mark a line with a value that is {part} and nothing else"
    return _error(manifest, marker.line, f"no value on line {line} is {part}", remedy)


def _parse_marker(manifest: ManifestText, comment: Comment, text: str) -> Hold | ImageMarker:
    if hold := _HOLD.fullmatch(text):
        by, reason = hold[1] or hold[2] or "", (hold[3] or "").strip('"')
        return Hold(comment.line, by[:_MAX_SHOWN], reason[:_MAX_SHOWN])
    image = _IMAGE_MARKER.fullmatch(text)
    if not image or (image[3] and not _is_repository(image[3])):
        raise _error(manifest, comment.line, f"invalid marker {text[:_MAX_SHOWN]!r}")
    return ImageMarker(comment.line, image[1] or image[2], image[3] or "")


def _is_repository(text: str) -> bool:
    try:
        Repository.parse(text)
    except InvalidReference:
        return False
    return True


def _error(manifest: ManifestText, line: int, cause: str, remedy: str | None = None) -> InvalidMarker:
    return InvalidMarker(f"{manifest.filename}:{line}: {cause}", remedy=remedy)


def _read_comments(manifest: ManifestText) -> Iterator[Comment]:
    # Only whitespace, line breaks and comments can be between two tokens, so a `#` inside a scalar is never a comment.
    previous: Token | None = None
    heads_file, heads_document = True, True
    for token in scan(manifest):
        if previous is not None:
            yield from _comments_between(manifest, previous, token, file=heads_file, document=heads_document)
        if isinstance(token, ScalarToken):
            header = _HEADER_COMMENT.match(manifest.text, token.start_mark.index)
            if header:
                line = token.start_mark.line + 1
                yield Comment(_comment_text(header[1]), header.start(1), line, line)
        heads_document = isinstance(token, _WITHOUT_CONTENT)
        heads_file = heads_file and heads_document
        previous = token


def _comments_between(
    manifest: ManifestText, previous: Token, token: Token, *, file: bool, document: bool
) -> Iterator[Comment]:
    start, end = previous.end_mark.index, token.start_mark.index
    line = previous.end_mark.line + 1
    alone = previous.end_mark.column == 0
    for found in _COMMENT.finditer(manifest.text, start, end):
        newlines = manifest.count_newlines(start, found.start())
        start, line, alone = found.start(), line + newlines, alone or newlines > 0
        applies_to = token.start_mark.line + 1 if alone else line
        yield Comment(_comment_text(found[0]), start, line, applies_to, file, document)


def _comment_text(comment: str) -> str:
    return comment.removeprefix("#").strip(" \t")
