"""What names the image and does not move: values that are not read as images, and variants of the image."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from ruamel.yaml.nodes import MappingNode, ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.beside import (
    TAG_FIELD,
    Fields,
    has_other_part,
    lists_with_parts,
    named_values,
    parts_of,
    stem_of,
    take_parts,
)
from stage_ci.rules.manifest.mentions import (
    is_name,
    names_in,
    parse_reference,
    references_in,
    unresolved_in,
    with_defaults,
)
from stage_ci.rules.manifest.nodes import MappingScalars, content, fields, line_of, start_of
from stage_ci.rules.manifest.references import FoundReferences, Path
from stage_ci.rules.manifest.rewrite import character_positions
from stage_ci.rules.manifest.sites import MAX_IN_TEXT, ImageReferenceSite, digest_in, full_name, render_reference
from stage_ci.rules.manifest.target import Target
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import DOCKER_HUB, Reference, Repository

# Tags that a release replaces: versions, and the tag that Docker takes if there is none. Others, such as `debug` or
# `v1.0.4-gpu`, name variants of the image: https://semver.org/#spec-item-9
_REPLACED_TAG: Final = re.compile(r"latest|v?\d+(?:\.\d+)*")
# kubectl writes this annotation itself:
# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration
_WRITTEN_BY_KUBECTL: Final = ".kubectl.kubernetes.io/last-applied-configuration"
# It names the repository in which Flux looks for versions, and deploys nothing:
# https://fluxcd.io/flux/components/image/imagerepositories/
_DEPLOYS_NOTHING: Final = "ImageRepository"
_INVALID: Final = "it is not a valid image reference"
_MAX_SHOWN: Final = 100
_SHOWN: Final = re.compile(rf"\S{{1,{_MAX_SHOWN}}}")


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A value that names the image and does not move.

    Args:
        line: Its line, counted from 1.
        text: The reference, or the part of one, that it holds.
        reason: Why it stays.
        marker: The marker that moves it, such as ``tag of owner/service``; empty if no marker can.
        marker_line: The line of the marker.
    """

    line: int
    text: str
    reason: str
    marker: str = ""
    marker_line: int = 0

    def __str__(self) -> str:
        where = "it" if self.marker_line == self.line else f"line {self.marker_line}"
        remedy = f"; to move it, mark {where} `# stage-ci: {self.marker}`" if self.marker else ""
        return f"{self.text} stays: {self.reason}{remedy}"


def is_variant(site: ImageReferenceSite, target: Target) -> bool:
    """Return whether a reference names a variant of the image: its tag is no version, and no marker asks to move it."""
    tag = site.reference.tag if site.parts else None
    return site.marker is None and tag not in (None, target.tag) and not _REPLACED_TAG.fullmatch(tag or "")


def left_variants(sites: Iterable[ImageReferenceSite]) -> Iterator[LeftBehind]:
    """Yield the references to variants."""
    for site in sites:
        node = site.parts[0].node
        marker = "image" if node is site.node else f"tag of {_spelled(site.reference.repository)}"
        reason = f"{site.reference.tag} names a variant, not a version"
        yield LeftBehind(line_of(node), render_reference(site.reference), reason, marker, line_of(node))


def left_values(manifest: ManifestText, found: FoundReferences, target: Target) -> Iterator[LeftBehind]:
    """Yield the values that name another version of the image and are not read as references to it."""
    last = target.repository.path.rpartition("/")[2]
    own = {id(part.node) for site in found.sites for part in site.parts}
    mappings, lists, apart = MappingScalars(), named_values(found.values), lists_with_parts(found.values, target)
    parts: dict[int, dict[str, Fields]] = {}
    for node, _, path, parent in found.values:
        if not isinstance(node, ScalarNode) or last not in node.value or path[1] == _WRITTEN_BY_KUBECTL:
            continue
        if parent is not None and id(parent) in found.invalid:
            yield from _left_in_entry(node, target)
            continue
        if id(node) not in own:
            yield from _left_in_text(manifest, node, target)
            is_apart = id(path[0]) in apart if parent is None else has_other_part(content(node), target)
            yield from _left_apart(manifest, node, target) if is_apart else ()
        beside: Fields = mappings.of(parent) if parent is not None else {}
        name = full_name(node, beside)
        if parent is not None and beside and is_name(name, target.repository):
            field, beside = lists.get(id(node), (path[1].removeprefix("."), beside))
            if id(beside) not in parts:
                parts[id(beside)] = parts_of(beside)
                if _is_untagged(path, parent, beside, own):
                    yield LeftBehind(line_of(node), name, "it has no tag; write one once, and mark the line of the tag")
            yield from _left_beside(name, take_parts(parts[id(beside)], stem_of(field)), own, target)


def _left_in_entry(node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    reference = parse_reference(content(node))
    if reference and reference.repository == target.repository:
        reason = "its entry makes no valid reference; write the tag and the digest once, each in its own field"
        yield LeftBehind(line_of(node), content(node), reason)


def _left_in_text(manifest: ManifestText, node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    text, marked = content(node), line_of(node)
    left: list[LeftBehind] = []
    for offset, reference in islice(_other_versions(text, target), MAX_IN_TEXT):
        spelled = render_reference(reference)
        line = _line(manifest, node, spelled, offset)
        left.append(LeftBehind(line, spelled, "the field is not read as an image", "image", marked))
    for offset, word in islice(unresolved_in(text, target.repository), MAX_IN_TEXT):
        shown = _SHOWN.match(text, offset)
        line = _line(manifest, node, word, offset)
        left.append(LeftBehind(line, shown[0] if shown else word, _INVALID))
    resolved = with_defaults(text)
    if not left and resolved != text:
        others = chain(_other_versions(resolved, target), unresolved_in(resolved, target.repository))
        left += [LeftBehind(marked, text[:_MAX_SHOWN], _INVALID) for _ in islice(others, 1)]
    yield from left


def _other_versions(text: str, target: Target) -> Iterator[tuple[int, Reference]]:
    """Yield the references to another version of the image within a text, with their positions."""
    for offset, reference in references_in(text):
        if reference.repository == target.repository and not target.is_named_by(reference):
            yield offset, reference


def _left_apart(manifest: ManifestText, node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    for offset, word in islice(names_in(content(node), target.repository), 1):
        reason = "its tag is apart from it; a marker moves name:tag, or a tag that is a value of its own"
        yield LeftBehind(_line(manifest, node, word, offset), word, reason)


def _left_beside(name: str, parts: Fields, own: Collection[int], target: Target) -> Iterator[LeftBehind]:
    """Yield the tag and the digest beside the repository's name, as in the values of a chart."""
    has_tag = any(TAG_FIELD.fullmatch(field) and id(node) in own for field, node in parts.items())
    for field, node in parts.items():
        text, part, digest = content(node), "", digest_in(node)
        tag = parse_reference(f"x:{text}") if not has_tag and TAG_FIELD.fullmatch(field) else None
        if digest and digest != target.digest:
            part = "digest"
        elif tag and not target.is_named_by(tag):
            part = "tag"
        if part and id(node) not in own:
            described = f"{text[:_MAX_SHOWN]}, the {part} of {name},"
            reason = "the field is not read as an image"
            yield LeftBehind(line_of(node), described, reason, f"{part} of {name}", line_of(node))


def _is_untagged(path: Path, parent: MappingNode, beside: Fields, own: Collection[int]) -> bool:
    """Return whether a name is an image without a tag, or has an empty tag beside it."""
    if any(id(node) in own or TAG_FIELD.fullmatch(field) or digest_in(node) for field, node in beside.items()):
        return False
    if path[1] != ".image":
        return any(TAG_FIELD.fullmatch(field) for field in fields(parent))
    while parent_path := path[0]:
        path = parent_path
    return path[1].partition("/")[0] != _DEPLOYS_NOTHING


def _line(manifest: ManifestText, node: ScalarNode, text: str, offset: int) -> int:
    try:
        start = character_positions(manifest, node, text, offset)[0]
    except InvalidManifest:  # the text is written with escape sequences
        return line_of(node)
    return line_of(node) + manifest.count_newlines(start_of(node), start)


def _spelled(repository: Repository) -> str:
    return repository.path if repository.registry == DOCKER_HUB else str(repository)
