"""The edit of a manifest: parse it, find the references, replace their characters, verify that nothing else changed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import ImageNotInManifest, InvalidReference
from stage_ci.rules.manifest.markers import Hold, find_holds, read_markers
from stage_ci.rules.manifest.nodes import line_of, start_of
from stage_ci.rules.manifest.parse import ParsedManifest, parse
from stage_ci.rules.manifest.references import FoundReferences, find_references, unmarked_lines
from stage_ci.rules.manifest.rewrite import Splice, apply_splices, character_positions, make_splice, verify_edit
from stage_ci.rules.manifest.sites import ImageReferenceSite, Part, render_reference
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Digest, Reference, Repository

_MAX_IMAGES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Target:
    """The reference to write.

    Args:
        repository: The image's repository; every reference to it is updated.
        tag: The tag to write.
        digest: The digest of the tag's image; required if a reference in the manifest holds a digest.

    Raises:
        InvalidReference: if ``tag`` is not a valid tag.
    """

    repository: Repository
    tag: str
    digest: Digest | None = None

    def __post_init__(self) -> None:
        """Raise if the tag contains text that would end the reference, such as a space or a line break."""
        if Reference.parse(f"image:{self.tag}").tag != self.tag:
            raise InvalidReference(f"invalid tag {self.tag!r}", remedy="give a tag such as v1.0.7")


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
        changes: Every reference to the repository, in the order of the file.
    """

    content: bytes
    changes: tuple[Change, ...]

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
    but never added. Every byte outside of the references stays. A reference that a marker holds does not change.

    Args:
        content: The whole file.
        target: The reference to write.
        filename: The file's name in messages; Kustomize's file names also define the kind of an object without one.

    Returns:
        The edited file, and every reference to the repository.

    Raises:
        ManifestMissing: if the file is empty or not UTF-8.
        InvalidManifest: if the file is a template, invalid YAML or too large; if a reference holds a digest and the
            target has none; if an alias shares a reference with other text or with a held reference; or if the edit
            would change anything else.
        InvalidMarker: if a marker cannot be parsed or matches no reference.
        ImageNotInManifest: if no reference to the repository is found, or a Kustomize entry for it has no tag.
    """
    manifest = ManifestText.decode(content, filename)
    parsed = parse(manifest)
    markers = read_markers(manifest)
    found = find_references(parsed.documents, filename, markers.images)
    holds = find_holds(manifest, markers, found.sites, parsed.documents)
    sites = found.sites_of(target.repository)
    if not sites:
        raise _not_found(manifest, parsed, found, target)
    replacements = [(site, _new_reference(manifest, site, target, holds.get(id(site.node)))) for site in sites]
    held = frozenset(id(part.node) for site in sites if id(site.node) in holds for part in site.parts)
    edited = _rewrite(manifest, parsed, replacements, held | found.shared_scalars(target.repository)).text.encode()
    ManifestText.decode(edited, filename)  # raises if a longer tag made the file too large for the next edit
    changes = (_change(manifest, site, new, target, holds.get(id(site.node))) for site, new in replacements)
    return Edit(edited, tuple(changes))


def _not_found(
    manifest: ManifestText, parsed: ParsedManifest, found: FoundReferences, target: Target
) -> ImageNotInManifest:
    names = list(dict.fromkeys(render_reference(site.reference) for site in found.sites))
    shown = ", ".join(names[:_MAX_IMAGES_SHOWN]) + (", …" if len(names) > _MAX_IMAGES_SHOWN else "")
    cause = f"{manifest.filename} has no reference to {target.repository}; its images: {shown or 'none'}"
    lines = unmarked_lines(parsed.documents, target.repository)[:_MAX_IMAGES_SHOWN]
    remedy = f"if a field on line {' or '.join(map(str, lines))} holds the image, mark it with `# stage-ci: image`"
    return ImageNotInManifest(cause, remedy=remedy if lines else None)


def _new_reference(manifest: ManifestText, site: ImageReferenceSite, target: Target, hold: Hold | None) -> Reference:
    if not site.parts:
        cause = f"{manifest.filename}:{line_of(site.node)}: {site.path} has neither newTag nor digest"
        raise ImageNotInManifest(cause, remedy=f"add `newTag: {target.tag}` to it once")
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
    replacements: Iterable[tuple[ImageReferenceSite, Reference]],
    shared: frozenset[int],
) -> ManifestText:
    splices: dict[int, Splice] = {}
    intended = dict[int, tuple[ScalarNode, str]]()
    for site, reference in replacements:
        for part in site.parts:
            old, new = part.render(site.reference), part.render(reference)
            if old != new:
                _raise_if_shared(manifest, site, part, shared)
                splices[start_of(part.node)] = make_splice(manifest, part.node, old, new)
                intended[id(part.node)] = part.node, part.node.value.replace(old, new, 1)
    if not splices:
        return manifest
    ordered = [splices[start] for start in sorted(splices)]
    edited = apply_splices(manifest, ordered)
    verify_edit(manifest, parsed, edited, ordered, list(intended.values()))
    return edited


def _raise_if_shared(manifest: ManifestText, site: ImageReferenceSite, part: Part, shared: frozenset[int]) -> None:
    if id(part.node) in shared:
        cause = f"an alias also uses the text of {site.path} for something else"
        raise manifest.error(cause, line=line_of(part.node), remedy="write the text out in both places")


def _change(
    manifest: ManifestText, site: ImageReferenceSite, new: Reference, target: Target, hold: Hold | None
) -> Change:
    first = site.parts[0]
    start = character_positions(manifest, first.node, first.render(site.reference))[0]
    line = line_of(first.node) + manifest.count_newlines(start_of(first.node), start)
    current = new.tag == target.tag if site.tagged else new.digest == target.digest
    effective = None if current else hold
    return Change(site.path, line, render_reference(site.reference), render_reference(new), effective)
