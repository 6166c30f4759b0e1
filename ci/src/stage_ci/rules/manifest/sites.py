"""One image reference at its place in a manifest: its parsed text, and the scalars that spell it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ruamel.yaml.nodes import MappingNode, ScalarNode

from stage_ci.rules.manifest.mentions import parse_reference, references_in
from stage_ci.rules.manifest.nodes import STRING, Node, content, line_of, lines_of, scalars
from stage_ci.rules.reference import Digest, Reference

# A text with more references is no field of an object; the edit would locate each of them by its own search.
MAX_IN_TEXT: Final = 50

# Some charts write the prefix `sha256:` themselves, such as Grafana's:
# https://github.com/grafana/helm-charts/blob/main/charts/grafana/values.yaml
_BARE_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MIN_DIGEST: Final = 64  # characters, without the algorithm
# The fields that hold the registry beside a name, as charts call them.
_REGISTRY_FIELDS: Final = ("registry", "imageRegistry")


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
        render: Returns the part's text for a given reference.
        offset: The position of the part in the scalar's content; 0 if it is the whole content.
    """

    node: ScalarNode
    render: Callable[[Reference], str]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ImageReferenceSite:
    """An image reference at its place in the manifest.

    Args:
        path: The object and the field, such as ``Deployment/svm spec.template.spec.containers[0].image``.
        node: The node that holds the reference.
        reference: The parsed reference.
        parts: The scalars that hold its tag and digest; empty if it has neither, nor a scalar that could hold them.
        read: Reads the reference again from the nodes; None if they hold none.
        tagged: Whether a scalar can hold its tag.
        marker: The marker that declares it; None if its field does.
        mappings: The mappings that use a declared scalar. Tag and digest of one repository in one mapping belong
            together.
    """

    path: str
    node: Node
    reference: Reference
    parts: tuple[Part, ...]
    read: Callable[[], Reference | None]
    tagged: bool = True
    marker: ImageMarker | None = None
    mappings: tuple[MappingNode, ...] = ()

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
    reference = _read_image(scalar)
    part = Part(scalar, render_reference)
    return ImageReferenceSite(path, scalar, reference, (part,), lambda: _read_image(scalar)) if reference else None


def kustomize_site(entry: Node, path: str) -> ImageReferenceSite | None:
    """Return the reference that an entry of Kustomize's ``images`` deploys; None if it is not a valid one.

    The name is ``newName``, or else ``name``; ``newTag`` and ``digest`` together replace the tag and digest of the
    resource: https://github.com/kubernetes-sigs/kustomize/blob/master/api/filters/imagetag/updater.go
    """
    found = scalars(entry)
    tag, digest = found.get("newTag"), found.get("digest")
    parts = [_tag_part(tag)] if tag else []
    parts += [Part(digest, _render_digest)] if digest else []

    def read() -> Reference | None:
        return _read_parts(found.get("newName", found.get("name")), tag, digest)

    reference = read()
    return ImageReferenceSite(path, entry, reference, tuple(parts), read, tag is not None) if reference else None


def marked_site(
    scalar: ScalarNode, path: str, marker: ImageMarker, mappings: tuple[MappingNode, ...]
) -> ImageReferenceSite | None:
    """Return the reference of which a marker declares a scalar to be the tag or the digest; None if it is neither."""
    tagged = marker.part == "tag"

    def read() -> Reference | None:
        text = _digest_text(scalar)
        return _joined(marker.name, f":{content(scalar)}" if tagged else f"@{text}")

    reference = read()
    part = _tag_part(scalar) if tagged else Part(scalar, _digest_renderer(scalar))
    if reference is None:
        return None
    return ImageReferenceSite(path, scalar, reference, (part,), read, tagged, marker, mappings)


def text_sites(
    scalar: ScalarNode, path: str, marker: ImageMarker, mappings: tuple[MappingNode, ...]
) -> list[ImageReferenceSite]:
    """Return the references with a tag or a digest in a text that a marker declares to hold images."""

    def reader(index: int) -> Callable[[], Reference | None]:
        return lambda: next((found for _, found in _references(scalar)[index:]), None)

    return [
        ImageReferenceSite(
            path=path,
            node=scalar,
            reference=reference,
            parts=(Part(scalar, render_reference, offset),),
            read=reader(index),
            marker=marker,
            mappings=mappings,
        )
        for index, (offset, reference) in enumerate(_references(scalar))
    ]


def digest_in(scalar: ScalarNode) -> Digest | None:
    """Return the digest in a scalar that holds nothing else; None if it holds anything else.

    Its algorithm may be missing, and an ``@`` before it joins it to the name.
    """
    text = _digest_text(scalar)
    reference = parse_reference(f"image@{text}") if len(text) > _MIN_DIGEST else None
    return reference.digest if reference else None


def _read_image(scalar: ScalarNode) -> Reference | None:
    return parse_reference(content(scalar)) if scalar.tag == STRING else None


def _references(scalar: ScalarNode) -> list[tuple[int, Reference]]:
    whole = _read_image(scalar)
    if whole:
        return [(0, whole)] if whole.tag or whole.digest else []
    return list(islice(references_in(content(scalar)), MAX_IN_TEXT + 1)) if scalar.tag == STRING else []


def _read_parts(name: ScalarNode | None, tag: ScalarNode | None, digest: ScalarNode | None) -> Reference | None:
    if name is None:
        return None
    suffix = f"{f':{content(tag)}' if tag else ''}{f'@{content(digest)}' if digest else ''}"
    return _joined(content(name), suffix)


def _joined(name: str, suffix: str) -> Reference | None:
    """Return the reference of a name with a tag or a digest; None if the name has one itself, or becomes another."""
    reference, alone = parse_reference(f"{name}{suffix}"), parse_reference(name)
    if reference is None or alone is None or alone.tag or alone.digest:
        return None
    return reference if reference.repository == alone.repository else None


def full_name(node: ScalarNode, beside: Mapping[str, ScalarNode]) -> str:
    """Return the name of an image in a field, with the registry if only a field beside it holds that."""
    text = content(node)
    registry = next((content(beside[field]) for field in _REGISTRY_FIELDS if field in beside), text)
    name = text if registry == text or text.startswith(f"{registry}/") else f"{registry}/{text}"
    return name if parse_reference(name) else text


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


def _render_bare_digest(reference: Reference) -> str:
    return _render_digest(reference).partition(":")[2]


def _render_joined_digest(reference: Reference) -> str:
    return f"@{_render_digest(reference)}"


def _digest_text(scalar: ScalarNode) -> str:
    text = content(scalar)
    return f"sha256:{text}" if _BARE_DIGEST.fullmatch(text) else text.removeprefix("@")


def _digest_renderer(scalar: ScalarNode) -> Callable[[Reference], str]:
    text = content(scalar)
    if _BARE_DIGEST.fullmatch(text):
        return _render_bare_digest
    return _render_joined_digest if text.startswith("@") else _render_digest
