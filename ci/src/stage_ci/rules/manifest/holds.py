"""Which references the holds of a manifest keep unchanged."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stage_ci.errors import InvalidMarker
from stage_ci.rules.manifest.markers import PLACEMENT, Hold, HoldMarker
from stage_ci.rules.manifest.nodes import Node, lines_of, scalars, start_of
from stage_ci.rules.manifest.sites import ImageReferenceSite
from stage_ci.rules.manifest.text import ManifestText


def find_holds(
    manifest: ManifestText,
    holds: Sequence[HoldMarker],
    sites: Sequence[ImageReferenceSite],
    documents: Sequence[Node],
) -> Mapping[int, Hold]:
    """Return the hold of each held site, by the identity of its node; the nearest hold if several apply.

    A hold above all content of a document holds the whole document; above all content of the file, the whole file. A
    hold of one declared part of an image also holds its other parts in the same mapping.

    Args:
        manifest: The manifest.
        holds: Its holds, in the order of the text.
        sites: Its references, in the order of the text.
        documents: Its root nodes.

    Raises:
        InvalidMarker: if a hold matches no reference: an ignored hold would look like one that works.
    """
    if not holds:
        return {}
    counts: dict[int, int] = {}
    for line in (line for site in sites for line in _lines(site)):
        counts[line] = counts.get(line, 0) + 1
    roots = [start_of(document) for document in documents]
    numbers = [bisect_right(roots, start_of(site.node)) - 1 for site in sites]
    scopes = _scopes(manifest, holds, counts, roots, numbers)
    nearest = [scopes.nearest(site, number) for site, number in zip(sites, numbers, strict=True)]
    return _spread(sites, nearest)


@dataclass(slots=True)
class _HoldScopes:
    """The hold of the whole file, of documents by their number, and of lines."""

    file: Hold | None = None
    documents: dict[int, Hold] = field(default_factory=dict)
    lines: dict[int, Hold] = field(default_factory=dict)

    def nearest(self, site: ImageReferenceSite, document: int) -> Hold | None:
        on_line = next((self.lines[line] for line in sorted(_lines(site)) if line in self.lines), None)
        return on_line or self.documents.get(document) or self.file


def _lines(site: ImageReferenceSite) -> frozenset[int]:
    """Return the lines on which a hold means a reference: of an entry of Kustomize, the lines of its names too."""
    return site.lines.union(line for scalar in scalars(site.node).values() for line in lines_of(scalar))


def _scopes(
    manifest: ManifestText,
    holds: Sequence[HoldMarker],
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
            cause = f"{manifest.filename}:{hold.line}: the marker matches no image reference"
            raise InvalidMarker(cause, remedy=PLACEMENT)
    return scopes


def _spread(sites: Sequence[ImageReferenceSite], nearest: Sequence[Hold | None]) -> Mapping[int, Hold]:
    """Return the holds with those that a part of an image shares with its other parts."""
    # The digest selects the image, so a digest that moves beside a held tag would change what the hold keeps.
    groups: dict[tuple[int, str], list[ImageReferenceSite]] = {}
    for site in sites:
        for mapping in site.mappings:
            groups.setdefault((id(mapping), str(site.reference.repository)), []).append(site)
    found = {id(site.node): hold for site, hold in zip(sites, nearest, strict=True) if hold}
    waiting = [site for site in sites if site.mappings and id(site.node) in found]
    while waiting:
        site = waiting.pop()
        for mapping in site.mappings:
            group = groups.pop((id(mapping), str(site.reference.repository)), [])
            # Whole references beside each other are images of their own.
            others = group if any(other.marker and other.marker.part != "image" for other in group) else []
            for other in (other for other in others if id(other.node) not in found):
                found[id(other.node)] = found[id(site.node)]
                waiting.append(other)
    return found
