"""Moving among YAML nodes: what lies beneath, where it starts, what a mapping holds once merge keys are resolved."""

from collections.abc import Iterator
from typing import Final, TypeAlias

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Node: TypeAlias = ScalarNode | SequenceNode | MappingNode

STRING: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"  # https://yaml.org/type/merge.html

_BLANKS: Final = " \t\r\n"


def children(node: Node) -> list[Node]:
    """Return the nodes directly beneath a node: items, or keys and values in turn."""
    if isinstance(node, ScalarNode):
        return []
    if isinstance(node, SequenceNode):
        return list(node.value)
    return [half for pair in node.value for half in pair]


def walk(root: Node) -> Iterator[Node]:
    """Yield a node and all beneath it in the order of the text, the aliased ones as often as they are used."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def start_of(node: Node) -> int:
    """Return the position in the text at which a node starts, its anchor and tag included."""
    return int(node.start_mark.index)


def line_of(node: Node) -> int:
    """Return the line, counted from 1, on which a node starts."""
    return int(node.start_mark.line) + 1


def lines_of(scalar: ScalarNode) -> tuple[int, int]:
    """Return the lines, counted from 1, on which a scalar starts and ends; a block scalar's header counts alone."""
    start = line_of(scalar)
    return start, start if scalar.style in ("|", ">") else int(scalar.end_mark.line) + 1


def content(scalar: ScalarNode) -> str:
    """Return a scalar's text without the blanks around it, such as the line break that ends a block scalar."""
    return str(scalar.value).strip(_BLANKS)


def pairs(mapping: MappingNode) -> Iterator[tuple[Node, Node]]:
    """Yield a mapping's pairs, those of its merge keys behind its own: of two pairs with one key the first holds."""
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
    """Return what a mapping holds, by the text of its keys; nothing of a node that is no mapping."""
    found: dict[str, Node] = {}
    for key, value in pairs(node) if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode):
            found.setdefault(key.value, value)
    return found


def scalars(node: Node) -> dict[str, ScalarNode]:
    """Return the fields that hold a scalar with some text: Go reads an empty one, or null, as one that is absent."""
    return {
        name: value
        for name, value in fields(node).items()
        if isinstance(value, ScalarNode) and value.tag != _NULL and content(value)
    }
