"""An edit that changes more than the intended scalars is rejected; the edits of these tests are wrong on purpose."""

from dataclasses import replace

import pytest
from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.nodes import walk
from stage_ci.rules.manifest.parse import parse
from stage_ci.rules.manifest.rewrite import Splice, apply_splices, verify_edit, verify_reading
from stage_ci.rules.manifest.sites import kustomize_site
from stage_ci.rules.manifest.text import ManifestText

DIGEST = f"sha256:{'a' * 64}"
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


def test_the_intended_change_passes() -> None:
    """An edit that changes only the intended scalar passes."""
    verify("svm:v1", "svm:v2", intended="svm:v2")


def test_an_edit_without_a_change_passes() -> None:
    """A replacement by equal text passes."""
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
def test_an_unintended_change_of_a_value_is_rejected(old: str, new: str, intended: str | None) -> None:
    """A change of text, kind, style, anchor, shape or number of nodes beyond the intended scalar is rejected."""
    with pytest.raises(InvalidManifest, match=r"svm\.yaml.*nothing was written; please report this manifest"):
        verify(old, new, intended=intended)


@pytest.mark.parametrize(
    ("new", "problem"), [("svm:v2\n---\nx: ", "more than the image"), ("svm:v2: x", "mapping values")]
)
def test_an_unintended_change_of_the_structure_is_rejected(new: str, problem: str) -> None:
    """An edit that adds a document or breaks the YAML is rejected."""
    with pytest.raises(InvalidManifest, match=problem):
        verify("svm:v1", new, intended="svm:v2")


@pytest.mark.fault(26)
@pytest.mark.parametrize("new", ["1.10", "1_0", "yes", "NO", "12:30", "0x1", "2026-11-24", "null", "~", "<<", "="])
def test_a_plain_scalar_that_is_not_a_string_is_rejected(new: str) -> None:
    """Plain text that YAML 1.1 or 1.2 reads as a number, boolean, null or date passes only in quotes or with a tag."""
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:1: the edit would change more than the image"):
        verify("svm:v1", new, intended=new)
    verify("svm:v1", new, intended=new, text=TEXT.replace("svm:v1", '"svm:v1"'))
    verify("svm:v1", new, intended=new, text=TEXT.replace("svm:v1", "!!str svm:v1"))


def test_a_scalar_tagged_as_a_number_is_rejected() -> None:
    """A scalar with the tag `!!float` cannot become an image tag."""
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("1.0", "v1.0.1", intended="v1.0.1", text="tag: !!float 1.0\n")


def test_a_change_of_an_alias_or_anchor_is_rejected() -> None:
    """An edit that changes which nodes are shared is rejected, even if their texts are equal."""
    text = "[&a x, &b x, *a]\n"
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("*a", "*b", text=text)
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("&b x", "*a", text=text)
    with pytest.raises(InvalidManifest, match="more than the image"):
        verify("&a x]", "*a]", text="[&a x, &a x]\n")


@pytest.mark.fault(26)
@pytest.mark.parametrize("after", [TEXT.replace("note", "mote"), TEXT.replace("v1 ", "v1  "), TEXT + "\n", TEXT[:-1]])
def test_a_change_outside_the_reference_is_rejected(after: str) -> None:
    """A change of a comment, of whitespace or of the file's end is rejected, though its YAML is equal."""
    with pytest.raises(InvalidManifest, match="would change text around the image"):
        verify("svm:v1", "svm:v1", after=after)


@pytest.mark.fault(26)
@pytest.mark.parametrize("text", [f"v2@{DIGEST}", "v3", "v1", "x/v2", ""])
def test_an_edited_place_that_reads_differently_is_rejected(text: str) -> None:
    """After the edit, each place must give exactly the reference that the edit reports."""
    manifest = ManifestText("svm.yaml", "name: svm\nnewTag: v1\n")
    (entry,) = parse(manifest).documents
    site = kustomize_site(entry, "Kustomization images[0]")
    assert site
    replacements = [(site, replace(site.reference, tag="v2"))]
    verify_reading(manifest, [(site.parts[0].node, "v2")], replacements)
    with pytest.raises(InvalidManifest, match=r"svm\.yaml:1: the edit of Kustomization images\[0\] would read diff"):
        verify_reading(manifest, [(site.parts[0].node, text)], replacements)
