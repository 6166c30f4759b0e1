"""An edit that changes more than the intended scalars is rejected; the edits of these tests are wrong on purpose."""

import pytest
from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.nodes import walk
from stage_ci.rules.manifest.parse import parse
from stage_ci.rules.manifest.rewrite import Splice, apply_splices, verify_edit
from stage_ci.rules.manifest.text import ManifestText

TEXT = "image: svm:v1 # note\nother: [&a x, *a, y]\n---\nlast: 'z'\n"


def verify(old: str, new: str, *, intended: str | None = None, text: str = TEXT, after: str | None = None) -> None:
    """Verify the replacement of `old` by `new`; scalars that hold `old` are expected to become `intended`."""
    before = ManifestText("svm.yaml", text)
    parsed = parse(before)
    nodes = [node for document in parsed.documents for node in walk(document)]
    expected = [(node, intended) for node in nodes if isinstance(node, ScalarNode) and intended and old in node.value]
    start = text.index(old)
    splices = [Splice(start, start + len(old), new)]
    edited = apply_splices(before, splices) if after is None else ManifestText("svm.yaml", after)
    verify_edit(before, parsed, edited, splices, expected)


def test_the_meant_change_is_proven() -> None:
    """The scalar has the meant text and all else is as it was."""
    verify("svm:v1", "svm:v2", intended="svm:v2")


def test_no_change_is_proven() -> None:
    """An exchange of equal text changes nothing."""
    verify("svm:v1", "svm:v1")


@pytest.mark.parametrize(
    ("old", "new", "intended"),
    [
        ("svm:v1", "svm:v2", None),
        ("svm:v1", "svm:v2", "svm:v3"),
        ("svm:v1", "1.10", "1.10"),
        ("svm:v1", "'svm:v2'", "svm:v2"),
        ("svm:v1", "&b svm:v2", "svm:v2"),
        ("svm:v1", "svm:v2\nmore: x", "svm:v2"),
        ("svm:v1", "[svm:v2]", "svm:v2"),
        ("svm:v1", "{a: svm:v2}", "svm:v2"),
        ("svm:v1", "!other svm:v2", "svm:v2"),
        ("image", "picture", None),
        ("'z'", "'zz'", None),
        ("&a x", "&b x, &a x", None),
        ("[&a x, *a, y]", "{&a x: *a, y: }", None),
    ],
)
def test_another_meaning_is_refused(old: str, new: str, intended: str | None) -> None:
    """Another text, kind, style, anchor, shape or number of nodes than meant."""
    with pytest.raises(InvalidManifest, match=r"svm\.yaml.*nothing was written; please report this manifest"):
        verify(old, new, intended=intended)


@pytest.mark.parametrize(
    ("new", "problem"), [("svm:v2\n---\nx: ", "more than the image"), ("svm:v2: x", "mapping values")]
)
def test_another_structure_is_refused(new: str, problem: str) -> None:
    """A document more, or text that is no YAML any more."""
    with pytest.raises(InvalidManifest, match=problem):
        verify("svm:v1", new, intended="svm:v2")


@pytest.mark.fault(26)
@pytest.mark.parametrize("new", ["1.10", "1_0", "yes", "NO", "12:30", "0x1", "2026-11-24", "null", "~", "<<", "="])
def test_text_that_some_yaml_reads_as_no_text_is_refused(new: str) -> None:
    """By version 1.1 or 1.2; Kubernetes' own tools hold to the older one where it suits them."""
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:1: the edit would change more than the image"):
        verify("svm:v1", new, intended=new)
    verify("svm:v1", new, intended=new, text=TEXT.replace("svm:v1", '"svm:v1"'))
    verify("svm:v1", new, intended=new, text=TEXT.replace("svm:v1", "!!str svm:v1"))


def test_a_scalar_that_is_said_to_be_no_text_stays() -> None:
    """Its tag would not fit what takes its place."""
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("1.0", "v1.0.1", intended="v1.0.1", text="tag: !!float 1.0\n")


def test_an_alias_of_another_anchor_is_refused() -> None:
    """Nodes that were one stay one, and nodes that were two stay two, though their texts be equal."""
    text = "[&a x, &b x, *a]\n"
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("*a", "*b", text=text)
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("&b x", "*a", text=text)
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("&a x]", "*a]", text="[&a x, &a x]\n")


@pytest.mark.fault(26)
@pytest.mark.parametrize("after", [TEXT.replace("note", "mote"), TEXT.replace("v1 ", "v1  "), TEXT + "\n", TEXT[:-1]])
def test_a_change_outside_of_the_reference_is_refused(after: str) -> None:
    """Even one that means nothing to YAML, such as a comment or a blank."""
    with pytest.raises(InvalidManifest, match="would change text around the image"):
        verify("svm:v1", "svm:v1", after=after)
