"""The edit: find the references, exchange their characters, prove that nothing else changed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import ImageNotInManifest, InvalidReference
from stage_ci.rules.manifest.holds import held
from stage_ci.rules.manifest.markers import Hold, markers
from stage_ci.rules.manifest.nodes import line_of, start_of
from stage_ci.rules.manifest.proof import prove
from stage_ci.rules.manifest.reading import Reading, read
from stage_ci.rules.manifest.search import Survey, survey
from stage_ci.rules.manifest.sites import Part, Site, spelled
from stage_ci.rules.manifest.source import Source
from stage_ci.rules.manifest.splicing import Splice, bounds, splice, spliced
from stage_ci.rules.reference import Digest, Reference, Repository

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Target:
    """What to write.

    Args:
        repository: The image's repository: every reference that means it is updated.
        tag: The tag to write.
        digest: The digest that the tag stands for; needed only where a reference holds a digest.

    Raises:
        InvalidReference: if ``tag`` is no tag.
    """

    repository: Repository
    tag: str
    digest: Digest | None = None

    def __post_init__(self) -> None:
        """Refuse text that would end the reference and begin something else."""
        if Reference.parse(f"image:{self.tag}").tag != self.tag:
            raise InvalidReference(f"{self.tag!r} is no tag")


@dataclass(frozen=True, slots=True)
class Change:
    """One reference, before and after; equal where it said the right thing already.

    Args:
        path: The object and the field, such as ``Deployment/svm spec.template.spec.containers[0].image``.
        line: The line on which the reference starts, counted from 1.
        old: The reference as it was, in its writer's spelling.
        new: The reference as it is.
        hold: The marker that keeps it from saying the target's tag; None where nothing does, or where it says it.
    """

    path: str
    line: int
    old: str
    new: str
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A manifest after the edit.

    Args:
        content: The whole file; the very input where nothing had to change.
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
        """The references that are others than before."""
        return tuple(change for change in self.changes if change.old != change.new)

    @property
    def held(self) -> tuple[Change, ...]:
        """The references that a marker keeps from naming the target's tag."""
        return tuple(change for change in self.changes if change.hold)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that the references had before, each once; one without a tag, or that is held, adds none."""
        tags = (Reference.parse(change.old).tag for change in self.changes if not change.hold)
        return tuple(dict.fromkeys(filter(None, tags)))


def update(content: bytes, target: Target, *, filename: str) -> Edit:
    """Return the manifest with every reference to the target's repository made to say the target's tag and digest.

    A reference keeps its writer's spelling of the name, its form (a tag is added where there is none; a digest is
    replaced, never added) and its quotes; every byte outside of it stays. A marker that holds a reference keeps all of
    it; see ``markers``.

    Args:
        content: The whole file.
        target: What to write.
        filename: How messages name the file; for Kustomize the name also says what a file without a kind is.

    Returns:
        The edited file and what was found.

    Raises:
        ManifestMissing: if the file is empty or not UTF-8.
        InvalidManifest: if it is a template, invalid or oversized, if a reference holds a digest and the target has
            none, if an alias shares a reference with something else or with a held one, or if the proof fails.
        InvalidMarker: if a marker says nothing known or stands at no reference.
        ImageNotInManifest: if no reference means the repository, or an entry of Kustomize's images has no tag.
    """
    source = Source.decode(content, filename)
    reading = read(source)
    told = markers(source)
    found = survey(reading.documents, filename, told.namings)
    holds = held(source, told, found.sites, reading.documents)
    sites = found.of(target.repository)
    if not sites:
        raise _nothing(found, target, filename)
    renewals = [(site, _renewed(site, target, source, holds.get(id(site.node)))) for site in sites]
    kept = frozenset(id(part.node) for site in sites if id(site.node) in holds for part in site.parts)
    edited = _rewritten(source, reading, renewals, kept | found.beside(target.repository)).text.encode()
    Source.decode(edited, filename)  # what is written must be read again the next time
    changes = (_change(source, site, new, target, holds.get(id(site.node))) for site, new in renewals)
    return Edit(edited, tuple(changes))


def _nothing(found: Survey, target: Target, filename: str) -> ImageNotInManifest:
    names = list(dict.fromkeys(spelled(site.reference) for site in found.sites))
    some = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return ImageNotInManifest(f"{filename} has no reference to {target.repository}; its images: {some or 'none'}")


def _renewed(site: Site, target: Target, source: Source, hold: Hold | None) -> Reference:
    """Return what a reference has to say: a digest names its image alone, so a stale one beside a new tag would lie."""
    if not site.parts:
        cause = f"{source.filename}:{line_of(site.node)}: {site.path} has neither newTag nor digest"
        raise ImageNotInManifest(cause, remedy=f"add `newTag: {target.tag}` to it once")
    if hold:
        return site.reference
    if site.reference.digest and not target.digest:
        cause = f"{spelled(site.reference)} holds a digest, and the new image's is not known"
        raise source.refusal(cause, line=line_of(site.node), remedy="give the digest with --image-digest")
    digest = target.digest if site.reference.digest else None
    return replace(site.reference, tag=target.tag if site.tagged else None, digest=digest)


def _rewritten(
    source: Source, reading: Reading, renewals: Iterable[tuple[Site, Reference]], beside: frozenset[int]
) -> Source:
    splices: dict[int, Splice] = {}
    meant = dict[int, tuple[ScalarNode, str]]()
    for site, new_reference in renewals:
        for part in site.parts:
            old, new = part.spell(site.reference), part.spell(new_reference)
            if old != new:
                _refuse_shared(source, site, part, beside)
                splices[start_of(part.node)] = splice(source, part.node, old, new)
                meant[id(part.node)] = part.node, part.node.value.replace(old, new, 1)
    if not splices:
        return source
    ordered = [splices[start] for start in sorted(splices)]
    after = spliced(source, ordered)
    prove(source, reading, after, ordered, list(meant.values()))
    return after


def _refuse_shared(source: Source, site: Site, part: Part, beside: frozenset[int]) -> None:
    """Refuse to change a scalar that an alias uses as something else too: that would change more than the image."""
    if id(part.node) in beside:
        cause = f"an alias uses the text of {site.path} for something else as well"
        raise source.refusal(cause, line=line_of(part.node), remedy="write the text out in both places")


def _change(source: Source, site: Site, new: Reference, target: Target, hold: Hold | None) -> Change:
    first = site.parts[0]
    start = bounds(source, first.node, first.spell(site.reference))[0]
    line = line_of(first.node) + source.breaks(start_of(first.node), start)
    kept = hold if new.tag != target.tag else None
    return Change(site.path, line, spelled(site.reference), spelled(new), kept)
