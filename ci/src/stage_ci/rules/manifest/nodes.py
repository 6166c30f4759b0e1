"""Traversal of YAML nodes: children, positions, and the fields of a mapping with merge keys resolved."""

from collections.abc import Iterator
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Node: TypeAlias = ScalarNode | SequenceNode | MappingNode

STRING: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"  # https://yaml.org/type/merge.html

_WHITESPACE: Final = " \t\r\n"


def children(node: Node) -> list[Node]:
    """Return the direct children of a node: the items of a sequence, or the keys and values of a mapping in turn."""
    if isinstance(node, ScalarNode):
        return []
    if isinstance(node, SequenceNode):
        return list(node.value)
    return [half for pair in node.value for half in pair]


def walk(root: Node) -> Iterator[Node]:
    """Yield a node and its descendants in the order of the text; an aliased node once for each use."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def start_of(node: Node) -> int:
    """Return the position in the text at which a node starts; its anchor and tag belong to it."""
    return int(node.start_mark.index)


def line_of(node: Node) -> int:
    """Return the line, counted from 1, on which a node starts."""
    return int(node.start_mark.line) + 1


def lines_of(scalar: ScalarNode) -> tuple[int, int]:
    """Return the first and last line of a scalar, counted from 1; for a block scalar, both are its header's line."""
    start = line_of(scalar)
    return start, start if scalar.style in ("|", ">") else int(scalar.end_mark.line) + 1


def content(scalar: ScalarNode) -> str:
    """Return a scalar's text without surrounding whitespace, such as a block's last line break; null is empty."""
    return "" if scalar.tag == _NULL else str(scalar.value).strip(_WHITESPACE)


def pairs(mapping: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Yield the pairs of a mapping, then those of its merge keys; if a key occurs twice, the first pair wins."""
    waiting = [mapping]
    while waiting:
        merged: list[Node] = []
        for key, value in waiting.pop().value:
            if key.tag != _MERGE:
                yield key, value
            elif isinstance(value, SequenceNode):
                merged.extend(value.value)
            else:
                merged.append(value)
        waiting.extend(reversed([node for node in merged if isinstance(node, MappingNode)]))


def fields(node: Node) -> dict[str, Node]:
    """Return the fields of a mapping by name; an empty dict for any other node."""
    found: dict[str, Node] = {}
    for key, value in pairs(node) if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode):
            found.setdefault(key.value, value)
    return found


def scalars(node: Node) -> dict[str, ScalarNode]:
    """Return the fields of a mapping that hold non-empty text.

    Kubernetes and Kustomize decode into Go structs, in which an empty string and null equal an absent field.
    """
    return {name: value for name, value in fields(node).items() if isinstance(value, ScalarNode) and content(value)}


class MappingScalars:
    """The fields of mappings that hold non-empty text; each mapping is read once, however often it is asked for."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, ScalarNode]] = {}

    def of(self, mapping: MappingNode) -> dict[str, ScalarNode]:
        """Return the fields of a mapping, as ``scalars`` does."""
        if id(mapping) not in self._found:
            self._found[id(mapping)] = scalars(mapping)
        return self._found[id(mapping)]
