"""One image reference at its place in a manifest: its parsed text, and the scalars that spell it."""

from collections.abc import Callable
from dataclasses import dataclass

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidReference
from stage_ci.rules.manifest.nodes import STRING, Node, content, line_of, lines_of, scalars
from stage_ci.rules.reference import Reference


@dataclass(frozen=True, slots=True)
class ImageMarker:
    """A marker comment that declares a scalar to be an image reference, or a part of one.

    Args:
        line: The line of the marker, counted from 1.
        part: What the scalar holds: ``image`` for a whole reference, ``tag`` or ``digest``.
        name: The name of the image if the scalar holds a tag or a digest.
    """

    line: int
    part: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A scalar that holds a reference or a part of one.

    Args:
        node: The scalar.
        render: Returns the scalar's text for a given reference.
    """

    node: ScalarNode
    render: Callable[[Reference], str]


@dataclass(frozen=True, slots=True)
class ImageReferenceSite:
    """An image reference at its place in the manifest.

    Args:
        path: The object and the field, such as ``Deployment/svm spec.template.spec.containers[0].image``.
        node: The node that holds the reference.
        reference: The parsed reference.
        parts: The scalars that hold its tag and digest; empty if it has neither, nor a scalar that could hold them.
        tagged: Whether a scalar can hold its tag.
        mapping: The path of the mapping with the scalar, if a marker declares the scalar to be a tag or a digest; None
            for any other reference. Tag and digest of one repository in one mapping belong together.
    """

    path: str
    node: Node
    reference: Reference
    parts: tuple[Part, ...]
    tagged: bool = True
    mapping: str | None = None

    @property
    def lines(self) -> frozenset[int]:
        """The lines, counted from 1, on which its scalars start and end."""
        return frozenset((line_of(self.node), *(line for part in self.parts for line in lines_of(part.node))))


def render_reference(reference: Reference) -> str:
    """Return the text of a reference, with the repository's name as the manifest spells it."""
    tag = f":{reference.tag}" if reference.tag else ""
    return f"{reference.name}{tag}{f'@{reference.digest}' if reference.digest else ''}"


def image_site(scalar: ScalarNode, path: str) -> ImageReferenceSite | None:
    """Return the reference in an image field; None if its value is anything else, such as ``${IMAGE}`` or a number."""
    reference = parse_reference(content(scalar)) if scalar.tag == STRING else None
    return ImageReferenceSite(path, scalar, reference, (Part(scalar, render_reference),)) if reference else None


def kustomize_site(entry: Node, path: str) -> ImageReferenceSite | None:
    """Return the reference that an entry of Kustomize's ``images`` deploys; None if it is not a valid one.

    The name is ``newName``, or else ``name``; ``newTag`` and ``digest`` together replace the tag and digest of the
    resource: https://github.com/kubernetes-sigs/kustomize/blob/master/api/filters/imagetag/updater.go
    """
    found = scalars(entry)
    name, tag, digest = found.get("newName", found.get("name")), found.get("newTag"), found.get("digest")
    text = content(name) if name else ""
    parts: list[Part] = []
    if tag:
        text += f":{content(tag)}"
        parts.append(_tag_part(tag))
    if digest:
        text += f"@{content(digest)}"
        parts.append(Part(digest, _render_digest))
    reference = parse_reference(text)
    return ImageReferenceSite(path, entry, reference, tuple(parts), tagged=tag is not None) if reference else None


def marked_site(scalar: ScalarNode, path: str, marker: ImageMarker) -> ImageReferenceSite | None:
    """Return the reference that a marker declares a scalar to hold; None if the scalar's text does not fit."""
    if marker.part == "image":
        return image_site(scalar, path)
    tagged = marker.part == "tag"
    reference = parse_reference(f"{marker.name}{':' if tagged else '@'}{content(scalar)}")
    part = _tag_part(scalar) if tagged else Part(scalar, _render_digest)
    mapping = path.rpartition(".")[0]
    return ImageReferenceSite(path, scalar, reference, (part,), tagged, mapping) if reference else None


def parse_reference(text: str) -> Reference | None:
    """Return the reference in ``text``; None if ``text`` is anything else."""
    try:
        return Reference.parse(text)
    except InvalidReference:
        return None


def _tag_part(scalar: ScalarNode) -> Part:
    # Kustomize and Helm charts append the tag to `name:` unchecked, so `tag@digest` pins an image; Renovate writes it:
    # https://github.com/renovatebot/renovate/pull/25596
    return Part(scalar, _render_pinned_tag if "@" in content(scalar) else _render_tag)


def _render_pinned_tag(reference: Reference) -> str:
    return f"{reference.tag}@{reference.digest}"


def _render_tag(reference: Reference) -> str:
    return reference.tag or ""


def _render_digest(reference: Reference) -> str:
    return str(reference.digest or "")
