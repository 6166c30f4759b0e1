"""What names the image and does not move: values that are not read as images, and variants of the image."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.mentions import is_name, names_in, parse_reference, references_in, unresolved_in
from stage_ci.rules.manifest.nodes import MappingScalars, content, fields, line_of, scalars, start_of
from stage_ci.rules.manifest.references import FoundReferences, Path, Visit
from stage_ci.rules.manifest.rewrite import character_positions
from stage_ci.rules.manifest.sites import MAX_IN_TEXT, ImageReferenceSite, digest_in, full_name, render_reference
from stage_ci.rules.manifest.target import Target
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import DOCKER_HUB, Repository

# Tags that a release replaces: versions, and the tag that Docker takes if there is none. Others, such as `debug` or
# `v1.0.4-gpu`, name variants of the image: https://semver.org/#spec-item-9
_REPLACED_TAG: Final = re.compile(r"latest|v?\d+(?:\.\d+)*")
# kubectl writes this annotation itself:
# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration
_WRITTEN_BY_KUBECTL: Final = ".kubectl.kubernetes.io/last-applied-configuration"
# It names the repository in which Flux looks for versions, and deploys nothing:
# https://fluxcd.io/flux/components/image/imagerepositories/
_DEPLOYS_NOTHING: Final = "ImageRepository"
_TAG_FIELD: Final = re.compile(r".*tag|(?:.*image[_.-]?)?version", re.IGNORECASE)
# What a field is called beyond the words for its part: `API` of `API_IMAGE_TAG`. In a mapping of several images,
# `API_TAG` belongs to `API_IMAGE`, and `DB_TAG` does not.
_STEM: Final = re.compile(r"(.*?)(?:new|image|repository|name|tag|version|digest|sha|[_.-])*", re.IGNORECASE)
# A tag or a digest in the values of a chart or a command, within a text.
_PART_IN_TEXT: Final = re.compile(r"(?:tag|digest)[\"']?[ \t]*[:=][ \t]*[\"']?([\w.:@-]+)", re.IGNORECASE)
# The fields of an item of a list of names and values, as Kubernetes, Argo and Tekton call them.
_VALUE_FIELDS: Final = ("value", "default")
_MAX_SHOWN: Final = 100
_SHOWN: Final = re.compile(rf"\S{{1,{_MAX_SHOWN}}}")

# The fields of a mapping that hold non-empty text.
Fields: TypeAlias = Mapping[str, ScalarNode]


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
    mappings, lists, parts = MappingScalars(), _named_values(found.values), dict[int, dict[str, Fields]]()
    for node, _, path, parent in found.values:
        if not isinstance(node, ScalarNode) or last not in node.value or path[1] == _WRITTEN_BY_KUBECTL:
            continue
        if parent is not None and id(parent) in found.invalid:
            yield from _left_in_entry(node, target)
            continue
        if id(node) not in own:
            yield from _left_in_text(manifest, node, target)
        beside: Fields = mappings.of(parent) if parent is not None else {}
        name = full_name(node, beside)
        if parent is not None and beside and is_name(name, target.repository):
            field, beside = lists.get(id(node), (path[1].removeprefix("."), beside))
            if id(beside) not in parts:
                parts[id(beside)] = _parts(beside)
                if _is_untagged(path, parent, beside, own):
                    yield LeftBehind(line_of(node), name, "it has no tag; write one once, and mark the line of the tag")
            yield from _left_beside(name, _take(parts[id(beside)], _stem(field)), own, target)


def _named_values(values: Sequence[Visit]) -> Mapping[int, tuple[str, Fields]]:
    """Return, for each value of a list of names and values, such as parameters, its name and all values of the list."""
    lists: dict[int, dict[str, ScalarNode]] = {}
    found: dict[int, tuple[str, Fields]] = {}
    for _, _, (item, step), parent in values:
        if step == ".name" and parent is not None and item is not None and item[1].startswith("["):
            pair = scalars(parent)
            value = next((pair[field] for field in _VALUE_FIELDS if field in pair), None)
            if "name" in pair and value is not None:
                name, named = content(pair["name"]), lists.setdefault(id(item[0]), {})
                named[name] = value
                found[id(value)] = name, named
    return found


def _left_in_entry(node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    reference = parse_reference(content(node))
    if reference and reference.repository == target.repository:
        reason = "its entry makes no valid reference; write the tag and the digest once, each in its own field"
        yield LeftBehind(line_of(node), content(node), reason)


def _left_in_text(manifest: ManifestText, node: ScalarNode, target: Target) -> Iterator[LeftBehind]:
    text, marked = content(node), line_of(node)
    named = ((offset, found) for offset, found in references_in(text) if found.repository == target.repository)
    for offset, reference in islice(named, MAX_IN_TEXT):
        if not target.is_named_by(reference):
            spelled = render_reference(reference)
            line = _line(manifest, node, spelled, offset)
            yield LeftBehind(line, spelled, "the field is not read as an image", "image", marked)
    for offset, word in islice(unresolved_in(text, target.repository), MAX_IN_TEXT):
        shown = _SHOWN.match(text, offset)
        line = _line(manifest, node, word, offset)
        yield LeftBehind(line, shown[0] if shown else word, "it is not a valid image reference")
    parts = (found[1] for found in _PART_IN_TEXT.finditer(text))
    references = (parse_reference(f"x:{part}") or parse_reference(f"x@{part}") for part in parts)
    if any(reference and not target.is_named_by(reference) for reference in references):
        for offset, word in islice(names_in(text, target.repository), 1):
            reason = "its tag is elsewhere in the text; no marker moves it there, but one moves name:tag, or a field"
            yield LeftBehind(_line(manifest, node, word, offset), word, reason)


def _left_beside(name: str, parts: Fields, own: Collection[int], target: Target) -> Iterator[LeftBehind]:
    """Yield the tag and the digest beside the repository's name, as in the values of a chart."""
    has_tag = any(_TAG_FIELD.fullmatch(field) and id(node) in own for field, node in parts.items())
    for field, node in parts.items():
        text, part, digest = content(node), "", digest_in(node)
        tag = parse_reference(f"x:{text}") if not has_tag and _TAG_FIELD.fullmatch(field) else None
        if digest and digest != target.digest:
            part = "digest"
        elif tag and not target.is_named_by(tag):
            part = "tag"
        if part and id(node) not in own:
            described = f"{text[:_MAX_SHOWN]}, the {part} of {name},"
            reason = "the field is not read as an image"
            yield LeftBehind(line_of(node), described, reason, f"{part} of {name}", line_of(node))


def _parts(beside: Fields) -> dict[str, Fields]:
    """Return the tags and digests of a mapping by the stems of their fields."""
    found: dict[str, dict[str, ScalarNode]] = {}
    for field, node in beside.items():
        if _TAG_FIELD.fullmatch(field) or digest_in(node):
            found.setdefault(_stem(field), {})[field] = node
    return dict(found)


def _take(parts: dict[str, Fields], stem: str) -> Fields:
    """Take the tags and digests of one image out of those of a mapping: if a tag has its stem, no other image's."""
    has_tag = any(field.lower().endswith("tag") for field in parts.get(stem, ()))
    stems = [stem, ""] if has_tag else list(parts)
    return {field: node for taken in stems for field, node in parts.pop(taken, {}).items()}


def _stem(field: str) -> str:
    found = _STEM.fullmatch(field[:_MAX_SHOWN])
    return found[1].lower() if found else ""


def _is_untagged(path: Path, parent: MappingNode, beside: Fields, own: Collection[int]) -> bool:
    """Return whether a name is an image without a tag, or has an empty tag beside it."""
    if any(id(node) in own or _TAG_FIELD.fullmatch(field) or digest_in(node) for field, node in beside.items()):
        return False
    if path[1] != ".image":
        return any(_TAG_FIELD.fullmatch(field) for field in fields(parent))
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
