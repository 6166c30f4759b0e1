"""Image, tag and digest markers: the scalars that they declare to be references, and the markers that are rejected."""

import re
from pathlib import Path

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD, POD, edit

from stage_ci.errors import ImageNotInManifest, InvalidManifest, InvalidMarker
from stage_ci.rules.manifest import Edit

DOCUMENTATION = Path(__file__).parents[4] / "docs" / "markers.md"


def images(edited: Edit) -> list[str]:
    """Return the tags after an edit, in the order of the file."""
    return [change.new.removeprefix(f"{IMAGE}:") for change in edited.changes]


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "text", ["hodl", "hold alice", "HOLD", "", "hold by=", "tag", "tag of", "tag of x:v1", "image x"]
)
def test_an_unknown_marker_is_rejected(text: str) -> None:
    """A misspelled marker is rejected wherever it stands, because it could be meant as a hold."""
    with pytest.raises(InvalidMarker, match=rf"^manifest: svm\.yaml:8: invalid marker {text!r}; write `hold by=NAME"):
        edit(f"{POD}  - image: {IMAGE}:v1.0.4\n---\n# stage-ci: {text}\n")


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (
            "name: ${NAME} # stage-ci: image",
            "no value on line 7 is or contains an image reference with a tag or a digest; move the marker",
        ),
        (
            f"arg: --x=$REGISTRY/{IMAGE}:v1 # stage-ci: image",
            "no value on line 7 is or contains an image reference with a tag or a digest; move the marker",
        ),
        (
            f"repository: {IMAGE} # stage-ci: image",
            "line 7 holds a name without a tag or a digest; write the tag behind it once, or mark the line of the tag",
        ),
        (
            f"tag: '' # stage-ci: tag of {IMAGE}",
            "the value on line 7 is empty; write the tag there once; later releases",
        ),
        (f'digest: "" # stage-ci: digest of {IMAGE}', "the value on line 7 is empty; write the digest there once"),
        (f"tag: null # stage-ci: tag of {IMAGE}", "the value on line 7 is empty; write the tag there once"),
        (f"tag: ~ # stage-ci: tag of {IMAGE}", "the value on line 7 is empty; write the tag there once"),
        (f"digest: Null # stage-ci: digest of {IMAGE}", "the value on line 7 is empty; write the digest there once"),
        (f"other: {{tag: '', repository: {IMAGE}}} # stage-ci: tag of {IMAGE}", "the value on line 7 is empty; write"),
        (
            f"other: {{image: {IMAGE}, tag: v1}} # stage-ci: image",
            "line 7 holds a name without a tag or a digest; write",
        ),
        ("other: '' # stage-ci: image", "the value on line 7 is empty; write the image there once"),
        (f"tag: # stage-ci: tag of {IMAGE}", "line 7 holds no value; write the tag there once, or put the marker on"),
        (f"args: {{}} # stage-ci: tag of {IMAGE}", "line 7 holds no value; write the tag there once"),
        (f"pin: v1.0.4 # stage-ci: digest of {IMAGE}", "no value on line 7 is a digest; mark a line with a value that"),
        (
            f"tag: {IMAGE}:v1.0.4 # stage-ci: tag of {IMAGE}",
            "line 7 holds an image's name, not only a tag; mark a whole",
        ),
        (
            f"arg: --tag=v1.0.4 # stage-ci: tag of {IMAGE}",
            "no value on line 7 is a tag; mark a line with a value that is",
        ),
        (
            f"tag: v1@sha256:12 # stage-ci: tag of {IMAGE}",
            "no value on line 7 is a tag; mark a line with a value that is",
        ),
        (
            f"args: [a, b] # stage-ci: tag of {IMAGE}",
            "line 7 has 2 values that the marker can mean; put the marked value on a line of its own",
        ),
        (
            "a: {image: b:v1, c: {image: d:v1}} # stage-ci: image",
            "line 7 has 2 values that the marker can mean; put the marked",
        ),
        (
            f"args: [--a={IMAGE}:v1, --b=x/y:v1] # stage-ci: image",
            "line 7 has 2 values that the marker can mean; put the marked",
        ),
    ],
)
def test_a_declaring_marker_without_one_matching_value_is_rejected(field: str, problem: str) -> None:
    """An image, tag or digest marker that matches no value, or several, is rejected with the line and the cause."""
    with pytest.raises(InvalidMarker, match=rf"svm\.yaml:7: {problem}"):
        edit(f"{POD}  - image: {IMAGE}:v1.0.4\n    {field}\n")


@pytest.mark.parametrize(
    ("field", "marker"),
    [
        ("{{name: api, image: owner/service:{}}}", "image"),
        ("{{image: owner/service:{}, command: [sh, -c]}}", "image"),
        ("{{repository: owner/service, name: v1.0.4, tag: {}}}", "tag of owner/service"),
    ],
)
def test_a_marker_of_several_values_declares_the_field_of_its_name(field: str, marker: str) -> None:
    """On a line with several values that fit, an image marker declares the field `image`, a tag marker `tag`."""
    before, after = (f"container: {field.format(tag)} # stage-ci: {marker}\n" for tag in ("v1.0.4", "v1.0.9"))
    edited = edit(before)
    assert (edited.content.decode(), len(edited.changes)) == (after, 1)


@pytest.mark.fault(29)
def test_a_marker_inside_a_scalar_is_ignored() -> None:
    """A text that starts like a marker, or mentions one within a word, is neither a comment nor meant as one."""
    decoys = "  - name: |\n      #stage-cider: hold\n    args: ['# stage-ci: hold', a# stage-ci]\n"
    assert images(edit(f"{POD}{decoys}    image: {IMAGE}:v1.0.4\n")) == ["v1.0.9"]


@pytest.mark.fault(24)
def test_an_image_marker_declares_any_scalar_a_reference() -> None:
    """A marked scalar of a custom resource is updated, and the same text without a marker stays."""
    text = (
        "apiVersion: example.com/v1\nkind: Stack\nmetadata: {name: svm}\nspec:\n"
        f"  image: {IMAGE}:v1.0.4 # stage-ci: image\n  other: {IMAGE}:v1.0.3\n"
        f"  # stage-ci: image\n  more: [{IMAGE}:v1.0.4]\n"
    )
    edited = edit(text)
    assert edited.content.decode() == text.replace("v1.0.4", "v1.0.9")
    assert [(change.path, change.line) for change in edited.changes] == [
        ("Stack/svm spec.image", 5),
        ("Stack/svm spec.more[0]", 8),
    ]


@pytest.mark.fault(23)
def test_tag_and_digest_markers_declare_parts_of_a_reference() -> None:
    """Marked tags and digests of a chart's values are updated together, and a digest requires the new one."""
    values = (
        f"image:\n  repository: {IMAGE}\n  tag: '1.0' # stage-ci: tag of {IMAGE}\n"
        f"  digest: {OLD} # stage-ci: digest of docker.io/{IMAGE}\n"
        "other:\n  tag: '1.0' # stage-ci: tag of other/service\n"
    )
    edited = edit(values, digest=NEW, filename="values.yaml")
    assert edited.content.decode() == values.replace("1.0", "v1.0.9", 1).replace(OLD, NEW)
    assert [(change.path, change.old) for change in edited.changes] == [
        ("image.tag", f"{IMAGE}:1.0"),
        ("image.digest", f"docker.io/{IMAGE}@{OLD}"),
    ]
    with pytest.raises(InvalidManifest, match=r"values\.yaml:4: .* holds a digest"):
        edit(values, filename="values.yaml")


@pytest.mark.fault(23)
def test_a_digest_within_a_declared_tag_is_replaced() -> None:
    """A chart's `tag: tag@digest` gets the new tag and the new digest."""
    values = "image:\n  tag: '1.0@{}' # stage-ci: tag of owner/service\n"
    edited = edit(values.format(OLD), digest=NEW, filename="values.yaml")
    assert edited.content.decode() == values.format(NEW).replace("1.0", "v1.0.9")


def test_an_alias_of_a_declared_scalar_is_a_reference() -> None:
    """A marked scalar may be shared with an image field by an alias; without the marker the edit is rejected."""
    text = f"x-image: &image {IMAGE}:v1.0.4 # stage-ci: image\n{POD}  - image: *image\n"
    assert edit(text).content.decode() == text.replace("v1.0.4", "v1.0.9")
    with pytest.raises(InvalidManifest, match="an alias also uses the text"):
        edit(text.replace("# stage-ci: image", ""))


def test_two_declaring_markers_for_one_line_are_rejected() -> None:
    """A line with an image marker above it and a tag marker on it is rejected as ambiguous."""
    text = f"a: b\n# stage-ci: image\ntag: v1.0.4 # stage-ci: tag of {IMAGE}\n"
    with pytest.raises(InvalidMarker, match=r"svm\.yaml:3: line 3 has two image, tag or digest markers"):
        edit(text)


def test_a_declared_tag_of_another_image_stays() -> None:
    """A tag marker with another image's name makes the tag that image's."""
    with pytest.raises(ImageNotInManifest, match=r"its images: other/service:v1\.0\.4"):
        edit("a: b\ntag: v1.0.4 # stage-ci: tag of other/service\n")


@pytest.mark.fault(29)
def test_the_example_of_the_documentation_is_correct() -> None:
    """In the example of docs/markers.md the tag moves and the held reference stays."""
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    edited = edit(example, filename="values.yaml")
    assert edited.content.decode() == example.replace("v1.0.4 ", "v1.0.9 ", 1)
    assert [(change.path, str(change.hold)) for change in edited.held] == [
        ("worker.image", "held by alice (v1.0.5 loses tickets, see #12)")
    ]
