"""The image references of a manifest, found by walking its nodes along the schema."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from stage_ci.rules.manifest.declared import MarkedValue, confirmed_site, declared_sites, unmatched
from stage_ci.rules.manifest.nodes import MappingScalars, Node, content, fields, lines_of, pairs, scalars, start_of
from stage_ci.rules.manifest.schema import (
    Schema,
    SchemaFields,
    SchemaItems,
    SchemaLeaf,
    SchemaObject,
    default_kind,
    schema_of,
)
from stage_ci.rules.manifest.sites import ImageMarker, ImageReferenceSite, image_site, kustomize_site
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Repository

_MAX_NAME: Final = 253  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

# A path as a linked list: the parent's path, and the step from there. It is rendered for references only, because the
# paths of all nodes can be many times as long as the manifest.
Path: TypeAlias = tuple["Path | None", str]
# A node with its schema, its path, and the mapping of which it is a field.
Visit: TypeAlias = tuple[Node, Schema, Path, MappingNode | None]


@dataclass(frozen=True, slots=True)
class FoundReferences:
    """The references of a manifest.

    Args:
        sites: Its image references, in the order of the text.
        values: The other scalars that are no keys, in the order of the text, each with its first use.
        others: The identities of the scalars that are used as anything else, be it through an alias.
        invalid: The identities of Kustomize's entries that make no valid reference.
    """

    sites: tuple[ImageReferenceSite, ...]
    values: Sequence[Visit]
    others: frozenset[int]
    invalid: frozenset[int]

    def sites_of(self, repository: Repository) -> tuple[ImageReferenceSite, ...]:
        """Return the references to a repository."""
        return tuple(site for site in self.sites if site.reference.repository == repository)

    def shared_scalars(self, repository: Repository) -> frozenset[int]:
        """Return the identities of the scalars that are used as anything but a reference to a repository."""
        foreign = (part for site in self.sites if site.reference.repository != repository for part in _whole(site))
        return self.others.union(foreign)


def find_references(
    manifest: ManifestText, documents: Iterable[Node], markers: Mapping[int, ImageMarker]
) -> FoundReferences:
    """Return the image references of all documents; text that is not a reference, such as ``${IMAGE}``, is skipped.

    Aliases are followed and merge keys resolved. A reference that is used several times is one site with the path of
    its first use.

    Args:
        manifest: The manifest; Kustomize's file names make an object without a kind a Kustomization.
        documents: Its root nodes.
        markers: The markers that declare other scalars to be references, by the line that they apply to.

    Raises:
        InvalidMarker: if a marker matches no value, or several, or contradicts its line.
    """
    sites: dict[int, ImageReferenceSite] = {}
    values: list[Visit] = []
    others: set[int] = set()
    invalid: set[int] = set()
    marked: dict[int, list[Visit]] = {}
    for visit, site in _walk(documents, SchemaObject(kind=default_kind(manifest.filename))):
        node, schema, _, _ = visit
        if site:
            sites.setdefault(id(site.node), site)
        elif line := _marked_line(visit, markers) if markers else None:
            marked.setdefault(line, []).append(visit)
        elif isinstance(node, ScalarNode):
            if schema is not SchemaLeaf.KEY and id(node) not in others:
                values.append(visit)
            others.add(id(node))
        elif schema is SchemaLeaf.KUSTOMIZE_ENTRY:
            invalid.add(id(node))
    declared, rest = _declare(manifest, markers, marked, sites) if markers else ([], [])
    others.update(id(visit[0]) for visit in rest)
    found = sorted((*sites.values(), *declared), key=_position)
    return FoundReferences(tuple(found), [*values, *rest], frozenset(others), frozenset(invalid))


def render_path(path: Path | None) -> str:
    """Return a path as text, such as ``Deployment/svm spec.template.spec.containers[0].image``."""
    steps = []
    while path:
        path, step = path
        steps.append(step)
    return f"{steps.pop()} {''.join(reversed(steps)).removeprefix('.')}".strip()


def _position(site: ImageReferenceSite) -> tuple[int, int]:
    return start_of(site.node), site.parts[0].offset if site.parts else 0


def _whole(site: ImageReferenceSite) -> Iterator[int]:
    """Yield the identities of the scalars that hold nothing but a part of a reference."""
    for part in site.parts:
        if part.render(site.reference) == content(part.node):
            yield id(part.node)


def _declare(
    manifest: ManifestText,
    markers: Mapping[int, ImageMarker],
    marked: Mapping[int, Sequence[Visit]],
    sites: dict[int, ImageReferenceSite],
) -> tuple[list[ImageReferenceSite], list[Visit]]:
    """Return the references that the markers declare, and the other values on their lines.

    A marker on the line of an image field is added to its site.
    """
    on_line: dict[int, list[ImageReferenceSite]] = {}
    for site in sites.values():
        for line in site.lines & markers.keys():
            on_line.setdefault(line, []).append(site)
    declared: list[ImageReferenceSite] = []
    rest: dict[int, Visit] = {}
    beside = MappingScalars()
    for line, marker in markers.items():
        visits = marked.get(line, ())
        if line in on_line:
            found = [confirmed_site(manifest, marker, line, on_line[line])]
            sites[id(found[0].node)] = found[0]
        elif visits:
            found = declared_sites(manifest, marker, line, _marked_values(visits), beside)
            declared += found
        else:
            raise unmatched(manifest, marker, line)
        taken = {id(part.node) for site in found for part in site.parts}
        rest |= {id(visit[0]): visit for visit in visits if id(visit[0]) not in taken}
    return declared, list(rest.values())


def _marked_values(visits: Iterable[Visit]) -> list[MarkedValue]:
    values: dict[int, MarkedValue] = {}
    for node, _, path, parent in visits:
        if isinstance(node, ScalarNode):
            field = path[1].removeprefix(".") if parent else ""
            value = values.setdefault(id(node), MarkedValue(node, render_path(path), field, ()))
            value.mappings += (parent,) if parent else ()
    return list(values.values())


def _walk(documents: Iterable[Node], root: Schema) -> Iterator[tuple[Visit, ImageReferenceSite | None]]:
    waiting: list[Visit] = [(document, root, (None, ""), None) for document in documents]
    while waiting:
        visit = waiting.pop()
        site = _site(visit)
        yield visit, site
        waiting.extend(reversed(_children(visit, site)))


def _site(visit: Visit) -> ImageReferenceSite | None:
    node, schema, path, _ = visit
    if schema is SchemaLeaf.KUSTOMIZE_ENTRY:
        return kustomize_site(node, render_path(path))
    if schema is SchemaLeaf.IMAGE and isinstance(node, ScalarNode):
        return image_site(node, render_path(path))
    return None


def _marked_line(visit: Visit, markers: Mapping[int, ImageMarker]) -> int | None:
    node, schema, _, _ = visit
    if schema is SchemaLeaf.KEY or not isinstance(node, ScalarNode):
        return None
    return next((line for line in lines_of(node) if line in markers), None)


def _children(visit: Visit, site: ImageReferenceSite | None) -> list[Visit]:
    """Return the visits to the children of a node, except the scalars that belong to its own site."""
    node, schema, path, _ = visit
    if isinstance(schema, SchemaObject):
        schema, path = _object_schema(node, schema)
    if isinstance(node, SequenceNode):
        item = schema.item if isinstance(schema, SchemaItems) else SchemaLeaf.OTHER
        return [(child, item, (path, f"[{index}]"), None) for index, child in enumerate(node.value)]
    if isinstance(node, MappingNode):
        own = {id(part.node) for part in site.parts} if site else set()
        inside = _field_visits(node, schema.children if isinstance(schema, SchemaFields) else {}, path)
        return [visit for visit in inside if id(visit[0]) not in own]
    return []


def _object_schema(node: Node, default: SchemaObject) -> tuple[Schema, Path]:
    """Return the schema of an object, and the path of its root, such as ``Deployment/svm``."""
    texts = {name: str(scalar.value) for name, scalar in scalars(node).items()}
    kind = texts.get("kind", default.kind)
    metadata = fields(node).get("metadata")
    name = scalars(metadata).get("name") if metadata else None
    title = f"{kind}/{name.value[:_MAX_NAME]}" if name else kind
    return schema_of(texts.get("apiVersion", default.api_version), kind), (None, title)


def _field_visits(mapping: MappingNode, schemas: Mapping[str, Schema], path: Path) -> Iterator[Visit]:
    seen: set[str] = set()
    for key, value in pairs(mapping):
        yield key, SchemaLeaf.KEY, path, mapping
        name = key.value if isinstance(key, ScalarNode) else ""
        step = path, f".{name[:_MAX_NAME]}"
        if name not in schemas:
            yield value, SchemaLeaf.OTHER, step, mapping
        elif name not in seen:  # the mapping's own field overrides the merged one: https://yaml.org/type/merge.html
            seen.add(name)
            yield value, schemas[name], step, mapping
