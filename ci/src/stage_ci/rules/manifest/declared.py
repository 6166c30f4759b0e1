"""The references that markers declare, and the markers that contradict their line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ruamel.yaml.nodes import MappingNode, ScalarNode

from stage_ci.errors import InvalidMarker
from stage_ci.rules.manifest.mentions import has_digest_alone, parse_reference
from stage_ci.rules.manifest.nodes import STRING, MappingScalars, content, line_of, lines_of, scalars
from stage_ci.rules.manifest.sites import (
    MAX_IN_TEXT,
    ImageMarker,
    ImageReferenceSite,
    digest_in,
    full_name,
    marked_site,
    text_sites,
)
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Repository

# The fields that name the repository beside a tag, as charts and custom resources call them.
_NAME_FIELDS: Final = ("repository", "image", "imageName", "newName")
# Fields beside a tag whose text could be mistaken for one.
_NO_TAG_FIELDS: Final = frozenset({"repository", "registry", "name", "newName", "pullPolicy", "imagePullPolicy"})
_TAG_WORDS: Final = ("tag", "version")


@dataclass(slots=True)
class MarkedValue:
    """A value on the line of an image, tag or digest marker.

    Args:
        node: The scalar.
        path: The object and the field.
        field: The name of the field; empty for the item of a sequence.
        mappings: The mappings that use it, one or, with aliases and merge keys, several.
    """

    node: ScalarNode
    path: str
    field: str
    mappings: tuple[MappingNode, ...]


def declared_sites(
    manifest: ManifestText, marker: ImageMarker, line: int, values: Sequence[MarkedValue], fields: MappingScalars
) -> list[ImageReferenceSite]:
    """Return the references that a marker declares: all of one text, or the reference with this tag or digest.

    Of several values that fit, the one whose field is named as the marker's part is meant.

    Args:
        manifest: The manifest.
        marker: The marker.
        line: The line that it applies to.
        values: The values on that line.
        fields: The fields beside them.

    Raises:
        InvalidMarker: if no value fits, if several do, or if the marker contradicts the fields beside the value.
    """
    found = [(value, sites) for value in values if (sites := _sites(value, marker))]
    named = [(value, sites) for value, sites in found if value.field == marker.part]
    whole = [(value, sites) for value, sites in found if not sites[0].parts[0].offset]
    chosen = next((some for some in (found, named, whole) if len(some) == 1), None)
    if chosen is None:
        raise _mismatch(manifest, marker, line, values, len(found))
    value, sites = chosen[0]
    if len(sites) > MAX_IN_TEXT:
        cause = f"the text on line {line} holds more than {MAX_IN_TEXT} image references"
        raise _error(manifest, marker, cause, "keep it in a file of its own")
    if marker.part == "image" and has_digest_alone(content(value.node)):
        cause = f"the text on line {line} also holds a digest, which would become stale"
        raise _error(manifest, marker, cause, "join it to the reference as name:tag@digest")
    if marker.part != "image":
        _raise_if_contradicted(manifest, marker, value, fields)
    return sites


def confirmed_site(
    manifest: ManifestText, marker: ImageMarker, line: int, sites: Sequence[ImageReferenceSite]
) -> ImageReferenceSite:
    """Return the reference of an image field, with the marker on its line that says what the field holds.

    Args:
        manifest: The manifest.
        marker: The marker.
        line: The line that it applies to.
        sites: The references of image fields on that line.

    Raises:
        InvalidMarker: if the marker says something else, or could mean several fields.
    """
    fitting = [site for site in sites if _is_confirmed(site, marker, line)]
    if len(fitting) == 1:
        return replace(fitting[0], marker=marker)
    if fitting:
        raise _several(manifest, marker, line, len(fitting))
    cause = f"the marker contradicts line {line}, which holds {sites[0].path}"
    raise _error(manifest, marker, cause, "remove the marker: fields of Kubernetes and Kustomize need none")


def unmatched(manifest: ManifestText, marker: ImageMarker, line: int) -> InvalidMarker:
    """Return the error of a marker whose line has no value."""
    wanted = "reference" if marker.part == "image" else marker.part
    remedy = f"write the {wanted} there once, or put the marker on its line"
    return _error(manifest, marker, f"line {line} holds no value", remedy)


def _sites(value: MarkedValue, marker: ImageMarker) -> list[ImageReferenceSite]:
    if marker.part == "image":
        return text_sites(value.node, value.path, marker, value.mappings)
    if marker.part == "tag" and not _can_be_tag(value, marker):
        return []
    site = marked_site(value.node, value.path, marker, value.mappings)
    return [site] if site else []


def _can_be_tag(value: MarkedValue, marker: ImageMarker) -> bool:
    # `repository: service # stage-ci: tag of service` would replace the name, and `replicas: 3 # …` a number.
    text, field = content(value.node), value.field
    if field in _NO_TAG_FIELDS or text in (marker.name, marker.name.rpartition("/")[2]) or digest_in(value.node):
        return False
    return value.node.tag == STRING or any(word in field.lower() for word in _TAG_WORDS)


def _is_confirmed(site: ImageReferenceSite, marker: ImageMarker, line: int) -> bool:
    if marker.part == "image":
        return isinstance(site.node, ScalarNode)
    if isinstance(site.node, ScalarNode) or site.reference.repository != Repository.parse(marker.name):
        return False
    part = scalars(site.node).get("newTag" if marker.part == "tag" else "digest")
    return part is not None and line in lines_of(part)


def _raise_if_contradicted(
    manifest: ManifestText, marker: ImageMarker, value: MarkedValue, fields: MappingScalars
) -> None:
    """Raise if a field beside a tag or a digest names another repository than the marker."""
    repository = Repository.parse(marker.name)
    for beside in map(fields.of, value.mappings):
        for node in _names(beside):
            name = full_name(node, beside)
            if _names_other(name, repository):
                cause = f"the marker says {marker.name}, but line {line_of(node)} names {name}"
                raise _error(manifest, marker, cause, "write the image's name behind `of`")


def _names(beside: Mapping[str, ScalarNode]) -> list[ScalarNode]:
    """Return the values of the fields that name the repository."""
    found = [beside[field] for field in _NAME_FIELDS if field in beside]
    # The entries of a Flux Kustomization are those of Kustomize: https://fluxcd.io/flux/components/kustomize/kustomizations/#images
    is_entry = "newTag" in beside and "name" in beside and not found
    return [beside["name"]] if is_entry else found


def _names_other(text: str, repository: Repository) -> bool:
    named = parse_reference(text)
    # Charts often name the registry, or a part of the path, in another field.
    return named is not None and named.repository != repository and not f"/{repository}".endswith(f"/{text}")


def _mismatch(
    manifest: ManifestText, marker: ImageMarker, line: int, values: Sequence[MarkedValue], matches: int
) -> InvalidMarker:
    if matches:
        return _several(manifest, marker, line, matches)
    # Of several values, the one whose field is named as the marker's part tells the cause.
    meant = [value for value in values if value.field == marker.part] or values
    texts = [content(value.node) for value in meant]
    reference = parse_reference(texts[0]) if len(texts) == 1 else None
    if texts and not any(texts):
        cause = f"the value on line {line} is empty"
        return _error(manifest, marker, cause, f"write the {marker.part} there once; later releases replace it")
    if marker.part == "image" and reference:
        cause = f"line {line} holds a name without a tag or a digest"
        return _error(manifest, marker, cause, "write the tag behind it once, or mark the line of the tag")
    if marker.part == "image":
        cause = f"no value on line {line} is or contains an image reference with a tag or a digest"
        return _error(manifest, marker, cause, "move the marker to the line of the reference, or remove it")
    if reference and "/" in texts[0]:
        cause = f"line {line} holds an image's name, not only a {marker.part}"
        return _error(manifest, marker, cause, "mark a whole reference with `# stage-ci: image`")
    cause = f"no value on line {line} is a {marker.part}"
    return _error(manifest, marker, cause, f"mark a line with a value that is a {marker.part} and nothing else")


def _several(manifest: ManifestText, marker: ImageMarker, line: int, matches: int) -> InvalidMarker:
    cause = f"line {line} has {matches} values that the marker can mean"
    return _error(manifest, marker, cause, "put the marked value on a line of its own")


def _error(manifest: ManifestText, marker: ImageMarker, cause: str, remedy: str) -> InvalidMarker:
    return InvalidMarker(f"{manifest.filename}:{marker.line}: {cause}", remedy=remedy)
