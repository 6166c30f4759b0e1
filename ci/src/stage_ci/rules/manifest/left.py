"""What names the image and does not move: values that are not read as images, and variants of the image."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.mentions import is_unresolved, parse_reference, references_in
from stage_ci.rules.manifest.nodes import MappingScalars, content, line_of, start_of
from stage_ci.rules.manifest.references import FoundReferences
from stage_ci.rules.manifest.rewrite import character_positions
from stage_ci.rules.manifest.sites import MAX_IN_TEXT, ImageReferenceSite, is_digest, render_reference
from stage_ci.rules.manifest.target import Target
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import DOCKER_HUB, Repository

# Tags that a release replaces: versions, and the tag that Docker takes if there is none. Others, such as `debug` or
# `v1.0.4-gpu`, name variants of the image: https://semver.org/#spec-item-9
_REPLACED_TAG: Final = re.compile(r"latest|v?\d+(?:\.\d+)*")
# kubectl writes this annotation itself:
# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration
_WRITTEN_BY_KUBECTL: Final = ".kubectl.kubernetes.io/last-applied-configuration"
_TAG_FIELD: Final = re.compile(r".*tag|version", re.IGNORECASE)
_MAX_SHOWN: Final = 100


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
    fields, named = MappingScalars(), set[int]()
    for node, _, path, parent in found.values:
        if not isinstance(node, ScalarNode) or last not in node.value or path[1] == _WRITTEN_BY_KUBECTL:
            continue
        if parent is not None and id(parent) in found.invalid:
            yield from _left_in_entry(node, target)
            continue
        if id(node) not in own:
            yield from _left_in_text(manifest, node, target)
        beside = fields.of(parent) if parent is not None and id(parent) not in named else {}
        if name := _name_beside(node, beside, target):
            named.add(id(parent))
            yield from _left_beside(name, beside, own, target)


def _left_in_entry(node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    reference = parse_reference(content(node))
    if reference and reference.repository == target.repository:
        reason = "its entry makes no valid reference; write the tag and the digest once, each in its own field"
        yield LeftBehind(line_of(node), content(node), reason)


def _left_in_text(manifest: ManifestText, node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    text, marked = content(node), line_of(node)
    named = ((offset, found) for offset, found in references_in(text) if found.repository == target.repository)
    references = list(islice(named, MAX_IN_TEXT))
    for offset, reference in references:
        if not target.is_named_by(reference):
            spelled = render_reference(reference)
            line = _line(manifest, node, spelled, offset)
            yield LeftBehind(line, spelled, "the field is not read as an image", "image", marked)
    if not references and is_unresolved(text, target.repository):
        yield LeftBehind(marked, text[:_MAX_SHOWN], "it is not a valid image reference")


def _name_beside(node: ScalarNode, beside: Mapping[str, ScalarNode], target: Target) -> str | None:
    """Return the repository's name if a field holds nothing else, be it without the registry in the next field."""
    text, registry = content(node), beside.get("registry", node)
    if registry is not node:
        text = f"{content(registry)}/{text}"
    named = parse_reference(text) if beside else None
    is_name = named and named.repository == target.repository and not (named.tag or named.digest)
    return text if is_name else None


def _left_beside(
    name: str, beside: Mapping[str, ScalarNode], own: Collection[int], target: Target
) -> Iterator[LeftBehind]:
    """Yield the tag and the digest beside the repository's name, as in the values of a chart."""
    has_tag = any(_TAG_FIELD.fullmatch(field) and id(node) in own for field, node in beside.items())
    for field, node in beside.items():
        text, part = content(node), ""
        is_tag = not has_tag and _TAG_FIELD.fullmatch(field) and parse_reference(f"x:{text}")
        if is_digest(node) and not str(target.digest).endswith(text):
            part = "digest"
        elif is_tag and text.partition("@")[0] != target.tag:
            part = "tag"
        if part and id(node) not in own:
            described = f"{text[:_MAX_SHOWN]}, the {part} of {name},"
            reason = "the field is not read as an image"
            yield LeftBehind(line_of(node), described, reason, f"{part} of {name}", line_of(node))


def _line(manifest: ManifestText, node: ScalarNode, text: str, offset: int) -> int:
    try:
        start = character_positions(manifest, node, text, offset)[0]
    except InvalidManifest:  # the text is written with escape sequences
        return line_of(node)
    return line_of(node) + manifest.count_newlines(start_of(node), start)


def _spelled(repository: Repository) -> str:
    return repository.path if repository.registry == DOCKER_HUB else str(repository)
