"""The image references of a manifest, found by walking its nodes along the schema."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from stage_ci.rules.manifest.nodes import Node, content, fields, line_of, lines_of, pairs, scalars, start_of, walk
from stage_ci.rules.manifest.schema import (
    Schema,
    SchemaFields,
    SchemaItems,
    SchemaLeaf,
    SchemaObject,
    default_kind,
    schema_of,
)
from stage_ci.rules.manifest.sites import (
    ImageMarker,
    ImageReferenceSite,
    image_site,
    kustomize_site,
    marked_site,
    parse_reference,
)
from stage_ci.rules.reference import Repository

_MAX_NAME: Final = 253  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/


@dataclass(frozen=True, slots=True)
class FoundReferences:
    """The references of a manifest.

    Args:
        sites: Its image references, in the order of the text.
        others: The identities of the scalars that are used as anything else, be it through an alias.
    """

    sites: tuple[ImageReferenceSite, ...]
    others: frozenset[int]

    def sites_of(self, repository: Repository) -> tuple[ImageReferenceSite, ...]:
        """Return the references to a repository."""
        return tuple(site for site in self.sites if site.reference.repository == repository)

    def shared_scalars(self, repository: Repository) -> frozenset[int]:
        """Return the identities of the scalars that are used as anything but a reference to a repository."""
        foreign = (site for site in self.sites if site.reference.repository != repository)
        return self.others.union(id(part.node) for site in foreign for part in site.parts)


# A path as a linked list: the parent's path, and the step from there. It is rendered for references only, because the
# paths of all nodes can be many times as long as the manifest.
_Path: TypeAlias = tuple["_Path | None", str]
_Visit: TypeAlias = tuple[Node, Schema, _Path]


def find_references(documents: Iterable[Node], filename: str, markers: Mapping[int, ImageMarker]) -> FoundReferences:
    """Return the image references of all documents; text that is not a reference, such as ``${IMAGE}``, is skipped.

    Aliases are followed and merge keys resolved. A reference that is used several times is one site with the path of
    its first use.

    Args:
        documents: The root nodes.
        filename: The manifest's name; Kustomize's file names make an object without a kind a Kustomization.
        markers: The markers that declare other scalars to be references, by the line that they apply to.
    """
    sites: dict[int, ImageReferenceSite] = {}
    others: set[int] = set()
    marked: dict[int, dict[int, _Visit]] = {}
    for visit, site in _walk(documents, SchemaObject(kind=default_kind(filename))):
        if site:
            sites.setdefault(id(site.node), site)
        elif line := _marked_line(visit, markers) if markers else None:
            marked.setdefault(line, {}).setdefault(id(visit[0]), visit)
        elif isinstance(visit[0], ScalarNode):
            others.add(id(visit[0]))
    for line, visits in marked.items():
        for site in _declared_sites(visits.values(), markers[line]):
            sites.setdefault(id(site.node), site)
        others.update(scalar for scalar in visits if scalar not in sites)
    return FoundReferences(tuple(sorted(sites.values(), key=lambda site: start_of(site.node))), frozenset(others))


def unmarked_lines(documents: Iterable[Node], repository: Repository) -> list[int]:
    """Return the lines of the values that look like a reference to a repository with a tag or a digest.

    If ``find_references`` finds none, these are values that need a marker, such as those of custom resources.

    Args:
        documents: The root nodes.
        repository: The repository.
    """
    name = repository.path.rpartition("/")[2]
    lines: dict[int, None] = {}
    for node in (node for document in documents for node in walk(document) if isinstance(node, ScalarNode)):
        reference = parse_reference(content(node)) if name in node.value else None
        if reference and reference.repository == repository and (reference.tag or reference.digest):
            lines[line_of(node)] = None
    return list(lines)


def _walk(documents: Iterable[Node], root: Schema) -> Iterator[tuple[_Visit, ImageReferenceSite | None]]:
    waiting: list[_Visit] = [(document, root, (None, "")) for document in documents]
    while waiting:
        visit = waiting.pop()
        site = _site(visit)
        yield visit, site
        waiting.extend(reversed(_children(visit, site)))


def _site(visit: _Visit) -> ImageReferenceSite | None:
    node, schema, path = visit
    if schema is SchemaLeaf.KUSTOMIZE_ENTRY:
        return kustomize_site(node, _render_path(path))
    if schema is SchemaLeaf.IMAGE and isinstance(node, ScalarNode):
        return image_site(node, _render_path(path))
    return None


def _marked_line(visit: _Visit, markers: Mapping[int, ImageMarker]) -> int | None:
    node, schema, _ = visit
    if schema is not SchemaLeaf.OTHER or not isinstance(node, ScalarNode):
        return None
    return next((line for line in lines_of(node) if line in markers), None)


def _declared_sites(visits: Iterable[_Visit], marker: ImageMarker) -> list[ImageReferenceSite]:
    """Return the references that a marker declares: of several, the one whose field is named as the marker's part."""
    sites: list[ImageReferenceSite] = []
    named: list[ImageReferenceSite] = []
    for node, _, path in visits:
        site = marked_site(node, _render_path(path), marker) if isinstance(node, ScalarNode) else None
        if site:
            sites.append(site)
            named += [site] if path[1] == f".{marker.part}" else []
    return named if len(named) == 1 else sites


def _render_path(path: _Path | None) -> str:
    steps = []
    while path:
        path, step = path
        steps.append(step)
    return f"{steps.pop()} {''.join(reversed(steps)).removeprefix('.')}".strip()


def _children(visit: _Visit, site: ImageReferenceSite | None) -> list[_Visit]:
    """Return the visits to the children of a node, except the scalars that belong to its own site."""
    node, schema, path = visit
    if isinstance(schema, SchemaObject):
        schema, path = _object_schema(node, schema)
    if isinstance(node, SequenceNode):
        item = schema.item if isinstance(schema, SchemaItems) else SchemaLeaf.OTHER
        return [(child, item, (path, f"[{index}]")) for index, child in enumerate(node.value)]
    if isinstance(node, MappingNode):
        own = {id(part.node) for part in site.parts} if site else set()
        inside = _field_visits(node, schema.children if isinstance(schema, SchemaFields) else {}, path)
        return [visit for visit in inside if id(visit[0]) not in own]
    return []


def _object_schema(node: Node, default: SchemaObject) -> tuple[Schema, _Path]:
    """Return the schema of an object, and the path of its root, such as ``Deployment/svm``."""
    texts = {name: str(scalar.value) for name, scalar in scalars(node).items()}
    kind = texts.get("kind", default.kind)
    metadata = fields(node).get("metadata")
    name = scalars(metadata).get("name") if metadata else None
    title = f"{kind}/{name.value[:_MAX_NAME]}" if name else kind
    return schema_of(texts.get("apiVersion", default.api_version), kind), (None, title)


def _field_visits(mapping: MappingNode, schemas: Mapping[str, Schema], path: _Path) -> Iterator[_Visit]:
    seen: set[str] = set()
    for key, value in pairs(mapping):
        yield key, SchemaLeaf.KEY, path
        name = key.value if isinstance(key, ScalarNode) else ""
        step = path, f".{name[:_MAX_NAME]}"
        if name not in schemas:
            yield value, SchemaLeaf.OTHER, step
        elif name not in seen:  # the mapping's own field overrides the merged one: https://yaml.org/type/merge.html
            seen.add(name)
            yield value, schemas[name], step
