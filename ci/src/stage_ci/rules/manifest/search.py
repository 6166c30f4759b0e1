"""The image references of a manifest, found by following its nodes along the places that hold them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from stage_ci.rules.manifest.markers import Naming
from stage_ci.rules.manifest.nodes import Node, fields, lines_of, pairs, scalars, start_of
from stage_ci.rules.manifest.places import Fields, Items, Leaf, Place, Resource, kind_in, place_of
from stage_ci.rules.manifest.sites import Site, entry_site, image_site, named_site
from stage_ci.rules.reference import Repository


@dataclass(frozen=True, slots=True)
class Survey:
    """What a manifest holds.

    Args:
        sites: Its image references, in the order of the text.
        others: The identities of the scalars that are used as something else, be it through an alias.
    """

    sites: tuple[Site, ...]
    others: frozenset[int]

    def of(self, repository: Repository) -> tuple[Site, ...]:
        """Return the references that mean this repository."""
        return tuple(site for site in self.sites if site.reference.repository == repository)

    def beside(self, repository: Repository) -> frozenset[int]:
        """Return the identities of the scalars that are used as anything but a reference to this repository."""
        foreign = (site for site in self.sites if site.reference.repository != repository)
        return self.others.union(id(part.node) for site in foreign for part in site.parts)


# Where a node stands: its parent's path and the step from there. Written out for a reference alone, since the paths of
# all nodes could be many times the manifest.
_Path: TypeAlias = tuple["_Path | None", str]
# A node, the place it stands in, and its path.
_Visit: TypeAlias = tuple[Node, Place, _Path]

_MOST_OF_A_NAME: Final = 253  # Kubernetes takes no longer one, neither of an object nor of a field


def survey(documents: Iterable[Node], filename: str, namings: Mapping[int, Naming] | None = None) -> Survey:
    """Return every valid image reference of the documents; text that is no reference, such as ``${IMAGE}``, is none.

    Aliases are followed and merge keys resolved; a reference that is used several times is one site, by its first path.

    Args:
        documents: The root nodes.
        filename: The manifest's name, which makes a Kustomization of an object without a kind.
        namings: The markers that make references of other scalars, by the line that they speak of.
    """
    sites: dict[int, Site] = {}
    others: set[int] = set()
    waiting: list[_Visit] = [(document, Resource(kind=kind_in(filename)), (None, "")) for document in documents]
    while waiting:
        visit = waiting.pop()
        site = _site(visit, namings or {})
        if site:
            sites.setdefault(id(site.node), site)
        elif isinstance(visit[0], ScalarNode):
            others.add(id(visit[0]))
        waiting.extend(reversed(_beneath(visit, site)))
    return Survey(tuple(sorted(sites.values(), key=lambda site: start_of(site.node))), frozenset(others))


def _site(visit: _Visit, namings: Mapping[int, Naming]) -> Site | None:
    node, place, path = visit
    if place is Leaf.ENTRY:
        return entry_site(node, _written(path))
    if not isinstance(node, ScalarNode):
        return None
    if place is Leaf.IMAGE:
        return image_site(node, _written(path))
    named = [namings[line] for line in lines_of(node) if line in namings] if namings and place is Leaf.OTHER else []
    return named_site(node, _written(path), named[0]) if named else None


def _written(path: _Path | None) -> str:
    steps = []
    while path:
        path, step = path
        steps.append(step)
    return f"{steps.pop()} {''.join(reversed(steps)).removeprefix('.')}".strip()


def _beneath(visit: _Visit, site: Site | None) -> list[_Visit]:
    node, place, path = visit
    if isinstance(place, Resource):
        place, path = _identified(node, place)
    if isinstance(node, SequenceNode):
        item = place.item if isinstance(place, Items) else Leaf.OTHER
        return [(child, item, (path, f"[{index}]")) for index, child in enumerate(node.value)]
    if isinstance(node, MappingNode):
        held = {id(part.node) for part in site.parts} if site else set()
        inside = _inside(node, place.children if isinstance(place, Fields) else {}, path)
        return [visit for visit in inside if id(visit[0]) not in held]
    return []


def _identified(node: Node, place: Resource) -> tuple[Place, _Path]:
    """Return where an object keeps its images, and how the paths of its fields begin."""
    texts = {name: str(scalar.value) for name, scalar in scalars(node).items()}
    kind = texts.get("kind", place.kind)
    metadata = fields(node).get("metadata")
    name = scalars(metadata).get("name") if metadata else None
    title = f"{kind}/{name.value[:_MOST_OF_A_NAME]}" if name else kind
    return place_of(texts.get("apiVersion", place.api_version), kind), (None, title)


def _inside(mapping: MappingNode, places: Mapping[str, Place], path: _Path) -> Iterator[_Visit]:
    taken: set[str] = set()
    for key, value in pairs(mapping):
        yield key, Leaf.KEY, path
        name = key.value if isinstance(key, ScalarNode) else ""
        step = path, f".{name[:_MOST_OF_A_NAME]}"
        if name not in places:
            yield value, Leaf.OTHER, step
        elif name not in taken:  # what a merge key brings beside the mapping's own is used by nobody here
            taken.add(name)
            yield value, places[name], step
