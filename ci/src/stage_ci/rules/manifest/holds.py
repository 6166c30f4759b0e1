"""Which references of a manifest a marker keeps as they are."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stage_ci.rules.manifest.markers import Hold, Markers, refusal
from stage_ci.rules.manifest.nodes import Node, start_of
from stage_ci.rules.manifest.sites import Site
from stage_ci.rules.manifest.source import Source

_REMEDY: Final = "put it on the line of the reference, or alone on the line above"


@dataclass(slots=True)
class _Scopes:
    """What holds the whole file, a document by its number, and a line."""

    file: Hold | None = None
    documents: dict[int, Hold] = field(default_factory=dict)
    lines: dict[int, Hold] = field(default_factory=dict)


def held(source: Source, markers: Markers, sites: Sequence[Site], documents: Sequence[Node]) -> Mapping[int, Hold]:
    """Return what holds each site, by the identity of its node; of several the nearest.

    A hold above all content of a document holds what that document has, and above all content of the file, all.

    Args:
        source: The manifest.
        markers: Its markers.
        sites: Its references, in the order of the text.
        documents: Its root nodes.

    Raises:
        InvalidMarker: if a marker stands at no reference, or one that names at several: it would be taken for one that
            works.
    """
    if not markers.holds and not markers.namings:
        return {}
    at: dict[int, int] = {}
    for line in (line for site in sites for line in site.lines):
        at[line] = at.get(line, 0) + 1
    for about, naming in markers.namings.items():
        _require(source, naming.line, at.get(about, 0), most=1)
    roots = [start_of(document) for document in documents]
    own = [bisect_right(roots, start_of(site.node)) - 1 for site in sites]
    scopes = _scopes(source, markers, at, roots, own)
    found = ((site, _nearest(site, number, scopes)) for site, number in zip(sites, own, strict=True))
    return {id(site.node): hold for site, hold in found if hold}


def _scopes(
    source: Source, markers: Markers, at: Mapping[int, int], roots: Sequence[int], own: Sequence[int]
) -> _Scopes:
    scopes = _Scopes()
    for comment, hold in markers.holds:
        number = bisect_left(roots, comment.start)
        if comment.heads_file:
            scopes.file, under = hold, len(own)
        elif comment.heads_document:
            scopes.documents[number], under = hold, bisect_right(own, number) - bisect_left(own, number)
        else:
            scopes.lines[comment.about], under = hold, at.get(comment.about, 0)
        _require(source, hold.line, under, most=len(own))
    return scopes


def _nearest(site: Site, number: int, scopes: _Scopes) -> Hold | None:
    near = next((scopes.lines[line] for line in sorted(site.lines) if line in scopes.lines), None)
    return near or scopes.documents.get(number) or scopes.file


def _require(source: Source, line: int, under: int, most: int) -> None:
    if not 1 <= under <= most:
        cause = f"the marker stands at {under or 'no'} reference{'s' if under > 1 else ''}"
        raise refusal(source, line, cause, _REMEDY)
