"""Holds: the references that they keep, and the holds that are rejected."""

import pytest
from tests.unit.rules.marking import IMAGE, NEW, OLD, POD, edit

from stage_ci.errors import InvalidManifest, InvalidMarker
from stage_ci.rules.manifest import Change, Hold

HOLD = "# stage-ci: hold by=alice reason=v1.0.5 loses tickets"


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


@pytest.mark.fault(25, 29)
@pytest.mark.parametrize("line", ["name: x", f"newName: {IMAGE}", "newTag: v1.0.4"])
def test_a_kustomize_entry_is_held_by_the_lines_of_its_names(line: str) -> None:
    """A hold on the line of a name holds the entry, wherever the line is."""
    text = f"images:\n- newTag: v1.0.4\n  name: x\n  newName: {IMAGE}\n- name: {IMAGE}\n  newTag: v1.0.4\n"
    held = text.replace(line, f"{line} # stage-ci: hold", 1)
    edited = edit(held, filename="kustomization.yaml")
    assert edited.content.decode() == "v1.0.9".join(held.rsplit("v1.0.4", 1))


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


@pytest.mark.fault(29)
def test_a_tag_shared_with_a_held_entry_is_rejected() -> None:
    """A tag is not changed if an alias shares it with a held entry."""
    text = f"images:\n- {{name: {IMAGE}, newTag: &tag v1.0.4}}\n- {{name: {IMAGE}, newTag: *tag}} # stage-ci: hold\n"
    with pytest.raises(InvalidManifest, match=r":2: an alias also uses the text of Kustomization images\[0\] for"):
        edit(text, filename="kustomization.yaml")


@pytest.mark.fault(27)
def test_many_markers_are_read_in_linear_time() -> None:
    """Five thousand holds in one place and two thousand on lines of their own are looked up, not compared in pairs."""
    holds = "# stage-ci: hold\n" * 5_000
    text = f"{holds}{POD}" + f"  - image: {IMAGE}:v1.0.4 # stage-ci: hold\n" * 2_000
    assert len(edit(text).held) == 2_000
