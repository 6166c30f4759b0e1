"""The proof that an edit changed what it meant to change and nothing else: the edited text, read again."""

from collections.abc import Iterable, Mapping, Sequence

from ruamel.yaml.nodes import ScalarNode

from stage_ci.rules.manifest.nodes import STRING, Node, children, line_of
from stage_ci.rules.manifest.reading import compose
from stage_ci.rules.manifest.source import Source
from stage_ci.rules.manifest.splicing import Splice

_REMEDY = "nothing was written; please report this manifest"


def prove(
    before: Source, documents: Sequence[Node], after: Source, splices: Iterable[Splice], meant: Mapping[int, str]
) -> None:
    """Return if the edit is proven, and raise otherwise.

    Args:
        before: The manifest as it was.
        documents: Its root nodes.
        after: The manifest as edited.
        splices: What was exchanged, in the order of the text.
        meant: The new text of each scalar that was to change, by the identity of its node.

    Raises:
        ManifestUnreadable: if a character outside of the splices differs, if the edited text is not valid, or if its
            nodes differ from the former ones in anything but the meant scalars having their meant text.
    """
    if not _same_outside(before.text, after.text, splices):
        raise before.refusal("the edit would change text around the image", remedy=_REMEDY)
    edited = compose(after)
    if len(edited) != len(documents):
        raise before.refusal("the edit would change the number of documents", remedy=_REMEDY)
    partners: dict[int, int] = {}
    for pair in zip(documents, edited, strict=True):
        waiting = [pair]
        while waiting:
            old, new = waiting.pop()
            if not _equal(old, new, meant) or partners.setdefault(id(old), id(new)) != id(new):
                raise before.refusal("the edit would change more than the image", line=line_of(old), remedy=_REMEDY)
            waiting.extend(zip(children(old), children(new), strict=True))
    if len(set(partners.values())) != len(partners):
        raise before.refusal("the edit would join what was apart", remedy=_REMEDY)


def _same_outside(before: str, after: str, splices: Iterable[Splice]) -> bool:
    kept_before, kept_after = [], []
    done, shift = 0, 0
    for change in splices:
        kept_before.append(before[done : change.start])
        kept_after.append(after[done + shift : change.start + shift])
        shift += len(change.text) - (change.end - change.start)
        done = change.end
    return [*kept_before, before[done:]] == [*kept_after, after[done + shift :]]


def _equal(old: Node, new: Node, meant: Mapping[int, str]) -> bool:
    if (type(old), old.anchor, len(children(old))) != (type(new), new.anchor, len(children(new))):
        return False
    if isinstance(old, ScalarNode) and isinstance(new, ScalarNode):
        text = meant.get(id(old))
        expected = (old.tag, old.value) if text is None else (STRING, text)
        return (new.style, new.tag, new.value) == (old.style, *expected)
    return bool(old.tag == new.tag)
