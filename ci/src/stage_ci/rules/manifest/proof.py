"""The proof that an edit changed what it meant to change and nothing else: the edited text, scanned again."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import implicit_resolvers
from ruamel.yaml.tokens import ScalarToken

from stage_ci.rules.manifest.nodes import STRING, line_of
from stage_ci.rules.manifest.reading import Reading, scan
from stage_ci.rules.manifest.source import Source
from stage_ci.rules.manifest.splicing import Splice
from stage_ci.rules.manifest.tokens import Said, said

_REMEDY: Final = "nothing was written; please report this manifest"
_CAUSE: Final = "the edit would change more than the image"


def prove(
    before: Source, reading: Reading, after: Source, splices: Iterable[Splice], meant: Sequence[tuple[ScalarNode, str]]
) -> None:
    """Return if the edit is proven, and raise otherwise.

    Args:
        before: The manifest as it was.
        reading: What it was read as.
        after: The manifest as edited.
        splices: What was exchanged, in the order of the text.
        meant: Each scalar that was to change, with its new text.

    Raises:
        InvalidManifest: if a character outside of the splices differs, if the edited text is not valid, or if its
            tokens differ from the former ones in anything but the meant scalars having their meant text.
    """
    if not _same_outside(before.text, after.text, splices):
        raise before.refusal("the edit would change text around the image", remedy=_REMEDY)
    for node, text in meant:
        if not _is_text(node, text):
            raise before.refusal(_CAUSE, line=line_of(node), remedy=_REMEDY)
    texts = {node.end_mark.index: text for node, text in meant}
    for entry, token in zip_longest(reading.record, scan(after)):
        if not (entry and token and _expected(entry, texts) == said(token)):
            line = token.start_mark.line + 1 if token else None
            raise before.refusal(_CAUSE, line=line, remedy=_REMEDY)


def _same_outside(before: str, after: str, splices: Iterable[Splice]) -> bool:
    kept_before, kept_after = [], []
    done, shift = 0, 0
    for change in splices:
        kept_before.append(before[done : change.start])
        kept_after.append(after[done + shift : change.start + shift])
        shift += len(change.text) - (change.end - change.start)
        done = change.end
    return [*kept_before, before[done:]] == [*kept_after, after[done + shift :]]


def _expected(entry: tuple[int, Said], texts: Mapping[int, str]) -> Said:
    end, former = entry
    if end not in texts or former[0] != ScalarToken.__name__:  # a token of no width may end where a scalar does
        return former
    kind, _, *form = former
    return kind, texts[end], *form


def _is_text(node: ScalarNode, text: str) -> bool:
    """Return whether ``text`` in the place of a scalar is text, as an image is, and no number or truth."""
    explicit = node.ctag.handle is not None
    if explicit or node.style is not None:
        return bool(node.tag == STRING)
    # By the rules of YAML 1.1 and 1.2: Kubernetes' own tools still read some of a plain scalar by the older ones.
    return not any(text[0] in (first or text) and rule.match(text) for _, _, rule, first in implicit_resolvers)
