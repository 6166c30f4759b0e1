"""Manifest text to YAML nodes that know their position, in bounded time and memory.

ruamel.yaml's composer builds the nodes. This module adds what the composer leaves out: a bound on the nodes that
aliases multiply, and the detection of duplicate keys, which ruamel.yaml leaves to its constructor. A Helm or Jinja
template is reported as a template and not as invalid YAML.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import Token

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.nodes import Node, fields, line_of, scalars, walk
from stage_ci.rules.manifest.scanner import ManifestScanner, RecordingScanner, TokenValue
from stage_ci.rules.manifest.schema import (
    SchemaFields,
    SchemaLeaf,
    SchemaObject,
    default_kind,
    item_defaults,
    schema_of,
)
from stage_ci.rules.manifest.text import ManifestText

# A manifest has about eight characters per node, so MAX_BYTES holds fewer nodes than this. The "billion laughs" attack
# multiplies nodes by aliases: https://en.wikipedia.org/wiki/Billion_laughs_attack
MAX_NODES: Final = 150_000
# The deepest Kubernetes schemas, those of custom resource definitions, stay below half of it.
MAX_DEPTH: Final = 100

# The objects and functions that only Helm has: https://helm.sh/docs/chart_template_guide/builtin_objects/ and
# https://helm.sh/docs/chart_template_guide/named_templates/
_HELM: Final = re.compile(
    r"\{\{[^{}]{0,200}?(?:(?<![\w.$])\$?\.(?:Values|Release|Chart|Capabilities|Files|Subcharts)\b"
    r"|(?<![\w.$])(?:include|tpl|toYaml)\s)"
)
# Fields whose text may have no braces, so that somebody replaces these first, be it Helm or Jinja
# (https://jinja.palletsprojects.com/en/stable/templates/).
_IDENTIFIERS: Final = frozenset({"apiVersion", "kind", "name", "namespace", "image"})
_BRACES: Final = re.compile(r"\{\{[^{}]*\}\}|\{%")
_TEMPLATE_REMEDY: Final = "give the rendered manifest, or quote braces that are part of the text"


@dataclass(frozen=True, slots=True)
class ParsedManifest:
    """The YAML of a manifest.

    Args:
        documents: The root node of each document; an alias yields the same node object as its anchor.
        tokens: The value of each token, in the order of the text, with the position at which the token ends.
    """

    documents: Sequence[Node]
    tokens: Sequence[tuple[int, TokenValue]]


def parse(manifest: ManifestText) -> ParsedManifest:
    """Return the nodes and tokens of a manifest.

    Raises:
        InvalidManifest: if it is a template, is not valid YAML, repeats a key within a mapping, is nested deeper than
            ``MAX_DEPTH``, or has more than ``MAX_NODES`` nodes once aliases are followed.
    """
    template_lines: list[int] = []
    yaml = _yaml(partial(RecordingScanner, template_lines))
    yaml.Composer, yaml.Parser = _Composer, _Parser
    with _translate_errors(manifest, template_lines):
        documents = tuple(yaml.compose_all(manifest.text))
    if template_lines:
        raise _template_error(manifest, template_lines[0])
    if "{{" in manifest.text or "{%" in manifest.text:
        for document in documents:
            _raise_if_template(document, manifest, SchemaObject(kind=default_kind(manifest.filename)))
    return ParsedManifest(documents, yaml.scanner.recorded)


def scan(manifest: ManifestText) -> Iterator[Token]:
    """Yield the tokens of a manifest, one at a time to save memory.

    Raises:
        InvalidManifest: if the text is not valid YAML.
    """
    with _translate_errors(manifest):
        yield from _yaml(ManifestScanner).scan(manifest.text)


def _yaml(scanner: Callable[..., ManifestScanner]) -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = scanner
    yaml.max_depth = MAX_DEPTH
    return yaml


@contextmanager
def _translate_errors(manifest: ManifestText, template_lines: Sequence[int] = ()) -> Iterator[None]:
    try:
        yield
    # ruamel.yaml lets ValueError and OverflowError escape when it converts numbers and character codes.
    except (YAMLError, ValueError, OverflowError) as error:
        raise _translated(error, manifest, template_lines) from error


class _RejectedError(MarkedYAMLError):
    """Valid YAML that violates a rule of this module."""


class _Parser(Parser):
    """ruamel.yaml's parser, with the lookup of its scanner cached: the original repeats it for each token."""

    scanner = cached_property(lambda parser: parser.loader.scanner)


class _Composer(Composer):
    """ruamel.yaml's composer, which also counts nodes as if aliases were written out, and rejects duplicate keys."""

    # The original repeats these lookups for each event.
    parser = cached_property(lambda composer: composer.loader.parser)
    resolver = cached_property(lambda composer: composer.loader.resolver)

    def __init__(self, loader: Any = None) -> None:  # noqa: ANN401 - ruamel.yaml's own signature
        super().__init__(loader)
        # An anchor may be redefined: https://yaml.org/spec/1.2.2/#3222-anchors-and-aliases
        self.warn_double_anchors = False
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
            raise _RejectedError(problem="an alias inside its own anchor", problem_mark=event.start_mark)
        if self._total > MAX_NODES:
            problem = f"more than {MAX_NODES} nodes once aliases are followed"
            raise _RejectedError(problem=problem, problem_mark=event.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:  # noqa: ANN401 - ruamel.yaml's own signature
        node: MappingNode = super().compose_mapping_node(anchor)
        lines: dict[tuple[str | None, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, ScalarNode)):
            # Scalars of equal tag and content are equal: https://yaml.org/spec/1.2.2/#3213-node-comparison
            identity = (key.tag, key.value)
            if identity in lines:
                problem = f"duplicate key {key.value!r}, first on line {lines[identity]}"
                raise _RejectedError(problem=problem, problem_mark=key.start_mark)
            lines[identity] = line_of(key)
        return node


def _translated(error: Exception, manifest: ManifestText, template_lines: Sequence[int]) -> InvalidManifest:
    line = _error_line(error, manifest)
    if isinstance(error, MaxDepthExceededError):
        return manifest.error(f"nested deeper than {MAX_DEPTH} levels", line=line)
    if isinstance(error, _RejectedError):
        return manifest.error(error.problem, line=line)
    opening = next(iter(template_lines), line)
    # Quotes within quotes, as in "{{ include "x" . }}", end the text before the braces do.
    if opening is not None and (template_lines or _HELM.search(manifest.line(opening))):
        return _template_error(manifest, opening)
    # Files that start with a byte order mark, joined without `---` before it. Editors do not show it.
    joined = [number for number in ((line or 1) - 1, line or 1) if manifest.line(number).startswith("\ufeff")]
    if line and joined and joined[-1] > 1:
        return manifest.error("a byte order mark within a document", line=joined[-1], remedy="remove it")
    return manifest.error(f"invalid YAML: {_problem(error)}", line=line)


def _problem(error: Exception) -> str:
    if isinstance(error, ReaderError):
        return f"character U+{error.character:04X} is not allowed"
    if isinstance(error, MarkedYAMLError):
        return str(error.problem)
    return "a number or a character code is out of range"  # such as "\UFFFFFFFF"


def _error_line(error: Exception, manifest: ManifestText) -> int | None:
    if isinstance(error, ReaderError):
        return 1 + manifest.count_newlines(0, error.position)
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark and mark.line + 1


def _raise_if_template(node: Node, manifest: ManifestText, default: SchemaObject) -> None:
    """Raise if an object with image fields has plain text that only a template can have.

    Braces in any other text are part of it, such as ``{{ $labels.pod }}`` in a rule of Prometheus or
    ``{{inputs.parameters.x}}`` in a workflow: kubectl, Flux and Argo CD apply them as they stand.
    """
    texts = {name: str(scalar.value) for name, scalar in scalars(node).items()}
    api_version, kind = texts.get("apiVersion", default.api_version), texts.get("kind", default.kind)
    schema = schema_of(api_version, kind)
    items = fields(node).get("items") if isinstance(schema, SchemaFields) and "items" in schema.children else None
    if isinstance(items, SequenceNode):
        for item in items.value:
            _raise_if_template(item, manifest, item_defaults(api_version, kind))
    elif schema is not SchemaLeaf.OTHER:
        _raise_if_templated(node, manifest)


def _raise_if_templated(root: Node, manifest: ManifestText) -> None:
    for node in walk(root):
        if isinstance(node, ScalarNode) and node.style is None and _HELM.search(node.value):
            raise _template_error(manifest, line_of(node))
        for key, value in node.value if isinstance(node, MappingNode) else ():
            is_text = isinstance(key, ScalarNode) and isinstance(value, ScalarNode) and value.style is None
            if is_text and key.value in _IDENTIFIERS and _BRACES.search(value.value):
                raise _template_error(manifest, line_of(value))


def _template_error(manifest: ManifestText, line: int) -> InvalidManifest:
    return manifest.error("a Helm or Jinja template, not a manifest", line=line, remedy=_TEMPLATE_REMEDY)
