"""The edit of a manifest: parse it, find the references, replace their characters, verify that nothing else changed."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ruamel.yaml.nodes import MappingNode, ScalarNode

from stage_ci.errors import ImageNotInManifest
from stage_ci.rules.manifest.holds import find_holds
from stage_ci.rules.manifest.left import LeftBehind, is_variant, left_values, left_variants
from stage_ci.rules.manifest.markers import Hold, read_markers
from stage_ci.rules.manifest.mentions import parse_reference
from stage_ci.rules.manifest.nodes import content, line_of, scalars, start_of
from stage_ci.rules.manifest.parse import ParsedManifest, parse
from stage_ci.rules.manifest.references import FoundReferences, find_references
from stage_ci.rules.manifest.rewrite import (
    apply_splices,
    character_positions,
    make_splice,
    replace_parts,
    verify_edit,
    verify_reading,
)
from stage_ci.rules.manifest.sites import ImageReferenceSite, Part, digest_in, render_reference
from stage_ci.rules.manifest.target import Target
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Reference

_MAX_SHOWN: Final = 5
# The declared part beside which a tag, or a whole reference with a digest, becomes stale.
_STALE_BESIDE: Final = {"tag": "digest", "image": "tag"}


@dataclass(frozen=True, slots=True)
class Change:
    """One reference before and after the edit; both are equal if it did not have to change.

    Args:
        path: The object and the field, such as ``Deployment/svm spec.template.spec.containers[0].image``.
        line: The line on which the reference starts, counted from 1.
        old: The reference before the edit, as the manifest spells it.
        new: The reference after the edit.
        hold: The marker that keeps the reference at another tag than the target's; None if no marker does.
    """

    path: str
    line: int
    old: str
    new: str
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """The result of an edit.

    Args:
        content: The whole file after the edit; equal to the input if nothing had to change.
        changes: Every reference to the repository that may move, in the order of the file.
        left: What else names the image and does not move, in the order of the file.
    """

    content: bytes
    changes: tuple[Change, ...]
    left: tuple[LeftBehind, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the file differs from the input."""
        return bool(self.moved)

    @property
    def moved(self) -> tuple[Change, ...]:
        """The references that changed."""
        return tuple(change for change in self.changes if change.old != change.new)

    @property
    def held(self) -> tuple[Change, ...]:
        """The references that a marker keeps at another tag than the target's."""
        return tuple(change for change in self.changes if change.hold)

    @property
    def tags(self) -> tuple[str, ...]:
        """The distinct tags before the edit, in the order of the file, without those of held references."""
        tags = (Reference.parse(change.old).tag for change in self.changes if not change.hold)
        return tuple(dict.fromkeys(filter(None, tags)))


def update(content: bytes, target: Target, *, filename: str) -> Edit:
    """Return the manifest with every reference to the target's repository set to the target's tag and digest.

    A reference keeps its spelling of the name, its quotes and its form: a missing tag is added, a digest is replaced
    but never added. Every byte outside of the references stays. A reference that a marker holds does not change, nor
    does one whose tag names a variant of the image, unless a marker declares it.

    Args:
        content: The whole file.
        target: The reference to write.
        filename: The file's name in messages; Kustomize's file names also define the kind of an object without one.

    Returns:
        The edited file, every reference to the repository, and what else names it.

    Raises:
        ManifestMissing: if the file is empty or not UTF-8.
        InvalidManifest: if the file is a template, invalid YAML or too large; if a reference holds a digest and the
            target has none, or the digest beside a tag would become stale; if an alias shares a reference with other
            text or with a held reference; or if the edit would change anything else.
        InvalidMarker: if a marker cannot be parsed, matches no reference or contradicts its line.
        ImageNotInManifest: if no reference to the repository can move, or a Kustomize entry for it has no tag.
    """
    manifest = ManifestText.decode(content, filename)
    parsed = parse(manifest)
    markers = read_markers(manifest)
    found = find_references(manifest, parsed.documents, markers.images)
    holds = find_holds(manifest, markers.holds, found.sites, parsed.documents)
    own = found.sites_of(target.repository)
    stays = [id(site.node) not in holds and is_variant(site, target) for site in own]
    variants = [site for site, is_left in zip(own, stays, strict=True) if is_left]
    sites = [site for site, is_left in zip(own, stays, strict=True) if not is_left]
    left = sorted((*left_variants(variants), *left_values(manifest, found, target)), key=lambda value: value.line)
    if not sites:
        raise _not_found(manifest, found, target, left)
    replacements = [(site, _new_reference(manifest, site, target, holds.get(id(site.node)))) for site in sites]
    _raise_if_stale(manifest, [site for site in sites if id(site.node) not in holds], found, target)
    fixed = frozenset(id(part.node) for site in own if id(site.node) in holds for part in site.parts)
    fixed |= frozenset(id(part.node) for site in variants for part in site.parts)
    changes = tuple(_change(manifest, site, new, target, holds.get(id(site.node))) for site, new in replacements)
    edited = _rewrite(manifest, parsed, replacements, fixed | found.shared_scalars(target.repository)).text.encode()
    ManifestText.decode(edited, filename)  # raises if a longer tag made the file too large for the next edit
    return Edit(edited, changes, tuple(left))


def _not_found(
    manifest: ManifestText, found: FoundReferences, target: Target, left: Sequence[LeftBehind]
) -> ImageNotInManifest:
    names = list(dict.fromkeys(render_reference(site.reference) for site in found.sites))
    shown = ", ".join(names[:_MAX_SHOWN]) + (", …" if len(names) > _MAX_SHOWN else "")
    wanted = str(target.repository)
    if any(site.reference.repository == target.repository for site in found.sites):
        wanted += " that a release replaces"
    cause = f"{manifest.filename} has no reference to {wanted}; its images: {shown or 'none'}"
    stays = [f"line {value.line}: {value}" for value in left[:_MAX_SHOWN]]
    stays += ["…"] if len(left) > _MAX_SHOWN else []
    return ImageNotInManifest(cause, remedy=", ".join(stays) or None)


def _raise_if_stale(
    manifest: ManifestText, sites: Iterable[ImageReferenceSite], found: FoundReferences, target: Target
) -> None:
    """Raise if a declared part of an image may move, and another part beside it that no marker declares would stay."""
    # A chart joins both, and the container runtime pulls by the digest: https://kubernetes.io/docs/concepts/containers/images/
    read = {id(part.node) for site in found.sites for part in site.parts}
    beside: dict[int, list[tuple[str, ScalarNode]]] = {}
    for site in sites:
        for mapping in site.mappings:
            if id(mapping) not in beside:
                beside[id(mapping)] = list(_undeclared_parts(mapping, read, target))
            for part, node in beside[id(mapping)]:
                if part == "digest" or (site.marker and site.marker.part == _STALE_BESIDE[part]):
                    cause = f"the {part} beside {site.path} would become stale, because no marker declares it"
                    marker = part if part == "image" else f"{part} of {site.reference.name}"
                    remedy = f"mark it `# stage-ci: {marker}`, or with the name of its own image"
                    raise manifest.error(cause, line=line_of(node), remedy=remedy)


def _undeclared_parts(mapping: MappingNode, read: Collection[int], target: Target) -> Iterator[tuple[str, ScalarNode]]:
    for field, node in scalars(mapping).items():
        digest, whole = digest_in(node), parse_reference(content(node))
        if id(node) in read:
            continue
        if digest and digest != target.digest:
            yield "digest", node
        elif whole and whole.repository == target.repository and whole.digest not in (None, target.digest):
            yield "image", node
        elif field.lower().endswith("tag") and content(node) != target.tag:
            yield "tag", node


def _new_reference(manifest: ManifestText, site: ImageReferenceSite, target: Target, hold: Hold | None) -> Reference:
    if not site.parts:
        cause = f"{manifest.filename}:{line_of(site.node)}: {site.path} has neither newTag nor digest"
        raise ImageNotInManifest(cause, remedy=f"set `newTag: {target.tag}` in it once")
    if hold:
        return site.reference
    # The container runtime pulls by digest and ignores the tag beside it, so a stale digest would deploy the old image:
    # https://kubernetes.io/docs/concepts/containers/images/#image-names
    if site.reference.digest and not target.digest:
        cause = f"{render_reference(site.reference)} holds a digest, but the new image's digest is unknown"
        raise manifest.error(cause, line=line_of(site.node), remedy="give the digest with --image-digest")
    digest = target.digest if site.reference.digest else None
    return replace(site.reference, tag=target.tag if site.tagged else None, digest=digest)


def _rewrite(
    manifest: ManifestText,
    parsed: ParsedManifest,
    replacements: Sequence[tuple[ImageReferenceSite, Reference]],
    shared: Collection[int],
) -> ManifestText:
    nodes: dict[int, ScalarNode] = {}
    parts: dict[int, dict[int, tuple[str, str]]] = {}
    for site, reference in replacements:
        for part in site.parts:
            old, new = part.render(site.reference), part.render(reference)
            if old != new:
                _raise_if_shared(manifest, site, part, shared)
                nodes[id(part.node)] = part.node
                parts.setdefault(id(part.node), {})[part.offset] = old, new
    if not nodes:
        return manifest
    splices = [
        make_splice(manifest, node, old, new, offset)
        for node in nodes.values()
        for offset, (old, new) in parts[id(node)].items()
    ]
    splices.sort(key=lambda splice: splice.start)
    edited = apply_splices(manifest, splices)
    intended = [(node, replace_parts(node, parts[id(node)])) for node in nodes.values()]
    verify_edit(manifest, parsed, edited, splices, intended)
    verify_reading(manifest, intended, replacements)
    return edited


def _raise_if_shared(manifest: ManifestText, site: ImageReferenceSite, part: Part, shared: Collection[int]) -> None:
    if id(part.node) in shared:
        cause = f"an alias also uses the text of {site.path} for something else"
        raise manifest.error(cause, line=line_of(part.node), remedy="write the text out in both places")


def _change(
    manifest: ManifestText, site: ImageReferenceSite, new: Reference, target: Target, hold: Hold | None
) -> Change:
    first = site.parts[0]
    start = character_positions(manifest, first.node, first.render(site.reference), first.offset)[0]
    line = line_of(first.node) + manifest.count_newlines(start_of(first.node), start)
    current = new.tag == target.tag if site.tagged else new.digest == target.digest
    effective = None if current else hold
    return Change(site.path, line, render_reference(site.reference), render_reference(new), effective)
