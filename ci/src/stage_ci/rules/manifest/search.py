"""The image references of a manifest, found by following its nodes along the places that hold them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from stage_ci.rules.manifest.nodes import Node, fields, pairs, scalars, start_of
from stage_ci.rules.manifest.places import Fields, Items, Leaf, Place, Resource, kind_in, place_of
from stage_ci.rules.manifest.sites import Site, entry_site, image_site
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


# A node, the place it stands in, and its path.
_Visit: TypeAlias = tuple[Node, Place, str]


def survey(documents: Iterable[Node], filename: str) -> Survey:
    """Return every valid image reference of the documents; text that is no reference, such as ``${IMAGE}``, is none.

    Aliases are followed and merge keys resolved; a reference that is used several times is one site, by its first path.

    Args:
        documents: The root nodes.
        filename: The manifest's name, which makes a Kustomization of an object without a kind.
    """
    sites: dict[int, Site] = {}
    others: set[int] = set()
    waiting: list[_Visit] = [(document, Resource(kind=kind_in(filename)), "") for document in documents]
    while waiting:
        visit = waiting.pop()
        site = _site(visit)
        if site:
            sites.setdefault(id(site.node), site)
        elif isinstance(visit[0], ScalarNode):
            others.add(id(visit[0]))
        waiting.extend(reversed(_beneath(visit, site)))
    return Survey(tuple(sorted(sites.values(), key=lambda site: start_of(site.node))), frozenset(others))


def _site(visit: _Visit) -> Site | None:
    node, place, path = visit
    if place is Leaf.IMAGE and isinstance(node, ScalarNode):
        return image_site(node, path)
    return entry_site(node, path) if place is Leaf.ENTRY else None


def _beneath(visit: _Visit, site: Site | None) -> list[_Visit]:
    node, place, path = visit
    if isinstance(place, Resource):
        place, path = _identified(node, place)
    if isinstance(node, SequenceNode):
        item = place.item if isinstance(place, Items) else Leaf.OTHER
        return [(child, item, f"{path}[{index}]") for index, child in enumerate(node.value)]
    if isinstance(node, MappingNode):
        held = {id(part.node) for part in site.parts} if site else set()
        inside = _inside(node, place.children if isinstance(place, Fields) else {}, path)
        return [visit for visit in inside if id(visit[0]) not in held]
    return []


def _identified(node: Node, place: Resource) -> tuple[Place, str]:
    """Return where an object keeps its images, and how the paths of its fields begin."""
    texts = {name: str(scalar.value) for name, scalar in scalars(node).items()}
    kind = texts.get("kind", place.kind)
    metadata = fields(node).get("metadata")
    name = scalars(metadata).get("name") if metadata else None
    return place_of(texts.get("apiVersion", place.api_version), kind), f"{kind}/{name.value} " if name else f"{kind} "


def _inside(mapping: MappingNode, places: Mapping[str, Place], path: str) -> Iterator[_Visit]:
    joint = "" if path.endswith(" ") else "."
    taken: set[str] = set()
    for key, value in pairs(mapping):
        yield key, Leaf.OTHER, ""
        name = key.value if isinstance(key, ScalarNode) else ""
        if name not in places:
            yield value, Leaf.OTHER, ""
        elif name not in taken:  # what a merge key brings beside the mapping's own is used by nobody here
            taken.add(name)
            yield value, places[name], f"{path}{joint}{name}"
