"""Manifest text to YAML nodes that know where they stand, in bounded time and memory.

ruamel.yaml's own composer gives the nodes; added here is what it leaves open: a bound on what aliases multiply, and
duplicate keys (it looks for them only when it constructs objects).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import Token

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest import templates
from stage_ci.rules.manifest.nodes import Node, line_of, walk
from stage_ci.rules.manifest.source import Source
from stage_ci.rules.manifest.tokens import Recorder, Said, TabScanner

# Eight characters a node, as manifests have them, fill MAX_BYTES with fewer; "billion laughs" asks for a billion.
MAX_NODES: Final = 150_000
# Kubernetes' deepest schemas, those of custom resources, stay under half of it.
MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """A manifest as YAML.

    Args:
        documents: The root node of each document; an alias gives the node of its anchor, the same object.
        record: What each token said, in the order of the text, with the position at which it ended.
    """

    documents: Sequence[Node]
    record: Sequence[tuple[int, Said]]


def read(source: Source) -> Reading:
    """Return the nodes of a manifest, and the tokens that they were made of.

    Args:
        source: The manifest.

    Raises:
        InvalidManifest: if it is a template, holds a key twice in one mapping, is no valid YAML, or is nested deeper
            than ``MAX_DEPTH`` or larger than ``MAX_NODES`` once its aliases are followed.
    """
    yaml = _yaml(Recorder)
    yaml.Composer, yaml.Parser = _Composer, _Parser
    with _explaining(source):
        documents = tuple(yaml.compose_all(source.text))
    if templates.opened(source.text):
        for document in documents:
            _refuse_template(document, source)
    return Reading(documents, yaml.scanner.record)


def scan(source: Source) -> Iterator[Token]:
    """Yield the tokens of a manifest, which take no memory together.

    Raises:
        InvalidManifest: if they are none of YAML.
    """
    with _explaining(source):
        yield from _yaml(TabScanner).scan(source.text)


def _yaml(scanner: type[TabScanner]) -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = scanner
    yaml.max_depth = MAX_DEPTH
    return yaml


@contextmanager
def _explaining(source: Source) -> Iterator[None]:
    try:
        yield
    except (YAMLError, ValueError, OverflowError) as error:  # the latter two: what ruamel.yaml's own conversions raise
        raise _explained(error, source) from error


class _RefusedError(MarkedYAMLError):
    """YAML that can be parsed and is refused all the same."""


class _Parser(Parser):
    """ruamel.yaml's own, which looks for its scanner once and not for every token."""

    scanner = cached_property(lambda parser: parser.loader.scanner)


class _Composer(Composer):
    """Nodes, counted as if every alias were written out, and mappings without duplicate keys."""

    # What does not change is looked up once, and not for every event.
    parser = cached_property(lambda composer: composer.loader.parser)
    resolver = cached_property(lambda composer: composer.loader.resolver)

    def __init__(self, loader: Any = None) -> None:  # noqa: ANN401 - ruamel.yaml's own signature
        super().__init__(loader)
        self.warn_double_anchors = False  # YAML 1.2.2, section 3.2.2.2: an anchor may be given again
        self._total = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Node:  # noqa: ANN401 - ruamel.yaml's own signature
        event, before = self.parser.peek_event(), self._total
        node: Node = super().compose_node(parent, index)
        if not isinstance(event, AliasEvent):
            self._total += 1
            if node.anchor is not None:
                self._sizes[id(node)] = self._total - before
        elif id(node) in self._sizes:
            self._total += self._sizes[id(node)]
        else:
            raise _RefusedError(problem="an alias inside of its own anchor", problem_mark=event.start_mark)
        if self._total > MAX_NODES:
            problem = f"more than {MAX_NODES} nodes once aliases are followed"
            raise _RefusedError(problem=problem, problem_mark=event.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:  # noqa: ANN401 - ruamel.yaml's own signature
        node: MappingNode = super().compose_mapping_node(anchor)
        lines: dict[tuple[str | None, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, ScalarNode)):
            # YAML 1.2.2, section 3.2.1.3: scalars of one tag and one content are equal.
            identity = (key.tag, key.value)
            if identity in lines:
                problem = f"duplicate key {key.value!r}, first on line {lines[identity]}"
                raise _RefusedError(problem=problem, problem_mark=key.start_mark)
            lines[identity] = line_of(key)
        return node


def _explained(error: Exception, source: Source) -> InvalidManifest:
    line = _line_of(error, source)
    if isinstance(error, MaxDepthExceededError):
        return source.refusal(f"more than {MAX_DEPTH} levels", line=line)
    if isinstance(error, _RefusedError):
        return source.refusal(error.problem, line=line)
    opening = templates.first(source.text)
    if opening is not None and (line is None or 1 + source.breaks(0, opening) <= line):
        return _template(source, 1 + source.breaks(0, opening))
    return source.refusal(f"invalid YAML: {_problem(error)}", line=line)


def _problem(error: Exception) -> str:
    if isinstance(error, ReaderError):
        return f"character U+{error.character:04X} is not allowed"
    if isinstance(error, MarkedYAMLError):
        return str(error.problem)
    return "a number or a character's code is out of range"  # such as "\UFFFFFFFF"


def _line_of(error: Exception, source: Source) -> int | None:
    if isinstance(error, ReaderError):
        return 1 + source.breaks(0, error.position)
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark and mark.line + 1


def _refuse_template(document: Node, source: Source) -> None:
    for node in walk(document):
        plain = isinstance(node, ScalarNode) and node.style is None and templates.holds(node.value)
        # {{ .Values.image }} is valid YAML: a mapping whose key is a mapping.
        braces = isinstance(node, MappingNode) and source.text.startswith("{{", node.start_mark.index)
        if plain or braces:
            raise _template(source, line_of(node))


def _template(source: Source, line: int) -> InvalidManifest:
    return source.refusal("a Helm or Jinja template, not a manifest", line=line, remedy=templates.REMEDY)
