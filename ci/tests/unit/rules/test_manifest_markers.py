"""Marker comments: the references that they hold, the scalars that they declare, and the markers that are rejected."""

import re
from pathlib import Path

import pytest

from stage_ci.errors import ImageNotInManifest, InvalidManifest, InvalidMarker
from stage_ci.rules.manifest import Change, Edit, Hold, Target, update
from stage_ci.rules.reference import Digest, Repository

DOCUMENTATION = Path(__file__).parents[4] / "docs" / "markers.md"
IMAGE = "owner/service"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: svm}\nspec:\n  containers:\n"
HOLD = "# stage-ci: hold by=alice reason=v1.0.5 loses tickets"


def edit(text: str, *, digest: str | None = None, filename: str = "svm.yaml") -> Edit:
    """Return the edit that sets the image to v1.0.9."""
    target = Target(Repository.parse(IMAGE), "v1.0.9", Digest.parse(digest) if digest else None)
    return update(text.encode(), target, filename=filename)


def images(edited: Edit) -> list[str]:
    """Return the tags after an edit, in the order of the file."""
    return [change.new.removeprefix(f"{IMAGE}:") for change in edited.changes]


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "container",
    [
        f"  - image: {IMAGE}:v1.0.4 {HOLD}\n",
        f"  - image: '{IMAGE}:v1.0.4'\t{HOLD}\n",
        f"  - name: api\n    {HOLD}\n    image: {IMAGE}:v1.0.4\n",
        f"  {HOLD}\n  # and why\n\n  - image: {IMAGE}:v1.0.4\n",
        f"  - image: |- {HOLD}\n      {IMAGE}:v1.0.4\n",
        f"  - image:\n      {HOLD}\n      {IMAGE}:v1.0.4\n",
        f"  - {{name: api, image: {IMAGE}:v1.0.4}} {HOLD}\n",
        f'  - image: "\n      {IMAGE}:v1.0.4" {HOLD}\n',
        f"  - image: &image {IMAGE}:v1.0.4 {HOLD}\n  - image: *image\n",
        f"  - image: {IMAGE}:v1.0.4@{OLD} {HOLD}\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_held_reference_stays(container: str, newline: str) -> None:
    """A hold on or above the line of a reference keeps it, in every style, and is reported with who, why and where."""
    text = (POD + container).replace("\n", newline)
    edited = edit(text)
    assert edited.content == text.encode()
    assert (edited.changed, edited.moved, edited.tags) == (False, (), ())
    line = 1 + text[: text.index("# stage-ci")].count("\n")
    assert [change.hold for change in edited.held] == [Hold(line, "alice", "v1.0.5 loses tickets")]


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "comment",
    [
        '# {"$imagepolicy": "flux-system:web"} # stage-ci: hold',
        "# renovate: x #stage-ci: hold",
        "## stage-ci: hold",
        "#\t#\tstage-ci: hold",
    ],
)
def test_a_hold_after_another_comment_is_effective(comment: str) -> None:
    """A marker may follow the comment of another tool on the same line."""
    assert len(edit(f"{POD}  - image: {IMAGE}:v1.0.4 {comment}\n").held) == 1


def test_prose_about_markers_is_not_a_marker() -> None:
    """A comment that only mentions `stage-ci:`, or quotes a marker, is ignored."""
    prose = "# See stage-ci: hold.\n# Add `# stage-ci: hold` to keep a reference.\n"
    assert images(edit(f"{prose}{POD}  - image: {IMAGE}:v1.0.4 # not stage-ci: hold\n")) == ["v1.0.9"]


@pytest.mark.fault(29)
def test_references_without_a_hold_move() -> None:
    """A hold affects its own reference only, and its tag is not among the tags of the edit."""
    text = f"{POD}  - image: {IMAGE}:v1.0.12 # stage-ci: hold\n  - image: {IMAGE}:v1.0.4\n  - image: {IMAGE}:v1.0.9\n"
    edited = edit(text)
    assert edited.content.decode() == text.replace("v1.0.4", "v1.0.9")
    assert edited.tags == ("v1.0.4", "v1.0.9")
    assert edited.held == (
        Change("Pod/svm spec.containers[0].image", 6, f"{IMAGE}:v1.0.12", f"{IMAGE}:v1.0.12", Hold(6)),
    )


@pytest.mark.fault(29)
def test_a_hold_at_the_target_s_tag_is_not_reported() -> None:
    """A held reference with the target's tag counts as up to date."""
    edited = edit(f"{POD}  - image: {IMAGE}:v1.0.9 # stage-ci: hold\n")
    assert (edited.changed, edited.held, edited.tags) == (False, (), ("v1.0.9",))


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hold", "held"),
        ("hold by=alice", "held by alice"),
        ('hold by="Alice B." reason="until Friday"', "held by Alice B. (until Friday)"),
        ("hold  reason=see #12, and by=nobody ", "held (see #12, and by=nobody)"),
        (f"hold by={'x' * 5000} reason={'y' * 5000}", f"held by {'x' * 200} ({'y' * 200})"),
    ],
)
def test_a_hold_shows_its_name_and_reason(text: str, shown: str) -> None:
    """The name and the reason of a hold are optional, and each is cut at 200 characters."""
    held = edit(f"{POD}  - image: {IMAGE}:v1.0.4 #stage-ci: {text}\n").held
    assert [str(change.hold) for change in held] == [shown]


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
    "text",
    [
        f"{POD}  # stage-ci: hold\n  - name: api\n    image: {IMAGE}:v1.0.4\n",
        f"{POD}  - image: # stage-ci: hold\n      {IMAGE}:v1.0.4\n",
        f"{POD}  - image: {IMAGE}:v1.0.4\n  # stage-ci: hold\n",
        f"{POD}  - image: {IMAGE}:v1.0.4\n  # stage-ci: hold\n---\nkind: Pod\n",
        f"{POD}  - image: {IMAGE}:v1.0.4\n---\n# stage-ci: hold\nkind: ConfigMap\n",
        f"{POD}  - image: {IMAGE}:v1.0.4\n...\n# stage-ci: hold\n",
    ],
)
def test_a_hold_without_a_reference_is_rejected(text: str) -> None:
    """A hold that matches no reference is rejected with its line."""
    line = 1 + text[: text.index("# stage-ci")].count("\n")
    problem = rf"svm\.yaml:{line}: the marker matches no image reference; put it on the line of the reference, or alone"
    with pytest.raises(InvalidMarker, match=problem):
        edit(text)


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("name: ${NAME} # stage-ci: image", "no value that is an image reference and nothing else; put it on the"),
        (f"arg: --x={IMAGE}:v1 # stage-ci: image", "no value that is an image reference and nothing else; put it"),
        (f"tag: '' # stage-ci: tag of {IMAGE}", "no value that is a tag and nothing else; put it on the line of"),
        (f"args: {{}} # stage-ci: tag of {IMAGE}", "no value that is a tag and nothing else; put it on the line of"),
        (f"pin: v1.0.4 # stage-ci: digest of {IMAGE}", "no value that is a digest and nothing else; put it on the"),
        (f"args: [a, b] # stage-ci: tag of {IMAGE}", "2 values that the marker can mean; put the marked value on a"),
        ("a: {image: b:v1, c: {image: d:v1}} # stage-ci: image", "2 values that the marker can mean; put the marked"),
    ],
)
def test_a_declaring_marker_without_one_matching_value_is_rejected(field: str, problem: str) -> None:
    """An image, tag or digest marker that matches no value, or several, is rejected with the line and the cause."""
    with pytest.raises(InvalidMarker, match=rf"svm\.yaml:7: line 7 has {problem}"):
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
@pytest.mark.parametrize(
    ("head", "between", "held"),
    [
        ("# stage-ci: hold\n", "---\n", [True, True]),
        ("# svm\n\n# stage-ci: hold\n\n---\n", "---\n", [True, True]),
        ("%YAML 1.2\n--- # stage-ci: hold\n", "---\n", [True, True]),
        ("", "---\n# stage-ci: hold\n", [False, True]),
        ("", "--- # stage-ci: hold\n", [False, True]),
        ("", "...\n# stage-ci: hold\n---\n", [False, True]),
    ],
)
def test_a_hold_above_all_content_holds_all_of_it(head: str, between: str, held: list[bool]) -> None:
    """A hold above the first document holds the file; above another document, that document."""
    pod = f"{POD}  - image: {IMAGE}:v1.0.4\n  - image: {IMAGE}:v1.0.5\n"
    edited = edit(f"{head}{pod}{between}{pod}")
    assert [bool(change.hold) for change in edited.changes] == [side for side in held for _ in range(2)]


@pytest.mark.fault(29)
def test_the_nearest_of_several_holds_is_reported() -> None:
    """A hold on the line is reported before one of the document, and that before one of the file."""
    pod = f"{POD}  - image: {IMAGE}:v1.0.4 # stage-ci: hold by=line\n  - image: {IMAGE}:v1.0.5\n"
    edited = edit(f"# stage-ci: hold by=file\n{pod}---\n# stage-ci: hold by=document\n{pod}---\n{pod}")
    holders = [change.hold and change.hold.by for change in edited.changes]
    assert holders == ["line", "file", "line", "document", "line", "file"]


@pytest.mark.fault(25, 29)
@pytest.mark.parametrize("at", ["name", "newTag", "digest", "above"])
def test_a_kustomize_entry_is_held_by_any_of_its_lines(at: str) -> None:
    """A hold on any line of a Kustomize entry keeps tag and digest, and no new digest is required."""
    lines = {"above": "#", "name": f"- name: {IMAGE}", "newTag": "  newTag: v1.0.4", "digest": f"  digest: {OLD}"}
    lines[at] += " # stage-ci: hold" if at != "above" else " stage-ci: hold"
    lines["above"] += "" if at == "above" else " nothing"
    text = "images:\n" + "\n".join(lines.values()) + "\n"
    edited = edit(text, filename="kustomization.yaml")
    assert (edited.content.decode(), len(edited.held)) == (text, 1)


@pytest.mark.fault(29)
def test_a_marker_inside_a_scalar_is_ignored() -> None:
    """Marker text in a block scalar, in quotes or within a plain scalar is not a comment."""
    decoys = "  - name: |\n      # stage-ci: hold\n    args: ['# stage-ci: hold', a# stage-ci]\n"
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


@pytest.mark.fault(29)
@pytest.mark.parametrize("held", ["tag", "digest"])
@pytest.mark.parametrize("head", ["image:\n", "kind: Stack\nspec:\n"])
def test_a_hold_of_a_declared_tag_or_digest_holds_both(head: str, held: str) -> None:
    """Tag and digest of one image in one mapping stay together; those of another mapping or document move."""
    hold = {"tag": "", "digest": "", held: "  # stage-ci: hold by=bob\n"}
    tag, digest = (
        f"  tag: v1.0.4 # stage-ci: tag of {IMAGE}\n",
        f"  sha: {OLD} # stage-ci: digest of docker.io/{IMAGE}\n",
    )
    text = f"{head}{hold['tag']}{tag}{hold['digest']}{digest}---\n"
    other = f"{head}{tag}  more:\n  {digest}"
    edited = edit(text + other, digest=NEW)
    assert edited.content.decode() == text + other.replace("v1.0.4", "v1.0.9").replace(OLD, NEW)
    assert [str(change.hold) for change in edited.held] == ["held by bob"] * 2


@pytest.mark.fault(29)
def test_a_hold_at_the_target_s_digest_is_not_reported() -> None:
    """A held digest that is the target's counts as up to date, though it names no tag."""
    text = f"image:\n  # stage-ci: hold\n  sha: {NEW} # stage-ci: digest of {IMAGE}\n"
    edited = edit(text, digest=NEW)
    assert (edited.changed, edited.held) == (False, ())


@pytest.mark.fault(29)
def test_a_declared_scalar_can_be_held() -> None:
    """One marker above the line can declare a tag that another on the line holds."""
    text = f"# values\nname: x\n# stage-ci: tag of {IMAGE}\ntag: v1.0.4 # stage-ci: hold by=bob\n"
    assert [str(change.hold) for change in edit(text).held] == ["held by bob"]


def test_an_alias_of_a_declared_scalar_is_a_reference() -> None:
    """A marked scalar may be shared with an image field by an alias; without the marker the edit is rejected."""
    text = f"x-image: &image {IMAGE}:v1.0.4 # stage-ci: image\n{POD}  - image: *image\n"
    assert edit(text).content.decode() == text.replace("v1.0.4", "v1.0.9")
    with pytest.raises(InvalidManifest, match="an alias also uses the text"):
        edit(text.replace("# stage-ci: image", ""))


@pytest.mark.fault(29)
def test_a_tag_shared_with_a_held_entry_is_rejected() -> None:
    """A tag is not changed if an alias shares it with a held entry."""
    text = f"images:\n- {{name: {IMAGE}, newTag: &tag v1.0.4}}\n- {{name: {IMAGE}, newTag: *tag}} # stage-ci: hold\n"
    with pytest.raises(InvalidManifest, match=r":2: an alias also uses the text of Kustomization images\[0\] for"):
        edit(text, filename="kustomization.yaml")


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


@pytest.mark.fault(27)
def test_many_markers_are_read_in_linear_time() -> None:
    """Five thousand holds in one place and two thousand on lines of their own are looked up, not compared in pairs."""
    holds = "# stage-ci: hold\n" * 5_000
    text = f"{holds}{POD}" + f"  - image: {IMAGE}:v1.0.4 # stage-ci: hold\n" * 2_000
    assert len(edit(text).held) == 2_000
