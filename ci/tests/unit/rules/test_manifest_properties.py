"""Properties of the edit, over generated manifests."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage_ci.errors import ManifestError
from stage_ci.rules.manifest import Edit, Target, diff, update
from stage_ci.rules.reference import Digest, Repository

IMAGE = "medhedimaaroufi/callcenterai-svm"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
TARGET = Target(Repository.parse(IMAGE), "v1.0.10", Digest.parse(NEW))
ORIGINALS = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("testdata/manifest/*/original.yaml"))]

# Text before the edit and after it.
Pair = tuple[str, str]

NAMES = [IMAGE, f"docker.io/{IMAGE}", f"index.docker.io/{IMAGE}"]
TAGS = ["v1.0.9", "v1.0.1", "v1.0.100", "v1.0.10", "latest", "0.9", "7"]
VARIANTS = ["x", "V_1.0", "v1.0.9-gpu", "debug", "latest-arm64"]
LINES = ["", "  ", "# comment", f"      # - image: {IMAGE}:v1.0.9", "# {{ braces }} 'n' \"such", "#"]
COMMENTS = ["", " ", " # note", f"  # {IMAGE}:v1.0.9", "\t", "\t# tab", " # é 🤖 'open \"quotes [", " #"]
# Fields of a container, indented by eight spaces, that hold its image. A comment may follow each.
STYLES = [
    "image: {}",
    "image:   {}",
    "image:\t{}",
    "image: '{}'",
    'image: "{}"',
    '"image": "{}"',
    "'image' : {}",
    "image: !!str {}",
    "image: &anchor '{}'",
    "image:\n          {}",
    "image: # why\n\n          '{}'",
    "? image\n        : {}",
    "name: é🤖\n        image: {}",
    "{{image: {}}}",
    "{{name: 🤖, image: '{}', command: [a, b]}}",
    '{{"image":"{}"}}',
    '{{"name": "a",\n\t"image":\t"{}" }}',
]
# A comment after these would be part of the text.
BLOCKS = ["image: |-\n          {}", "image: >\n\n           {}", "image: &b !!str |+ # why\n         {}\n\n"]
DECOYS = [
    *(f"image: {IMAGE}:{tag}" for tag in VARIANTS),
    f"image: {IMAGE}-worker:v1.0.9",
    f"image: other/{IMAGE}:v1.0.9",
    f"image: ghcr.io/{IMAGE}:v1.0.9",
    "image: busybox",
    "image: ${IMAGE}",
    f"name: '{IMAGE}:v1.0.9'",
    f"{{env: [{{name: IMAGE, value: {IMAGE}:v1.0.9}}], image: other}}",
    f'args: ["--image={IMAGE}:v1.0.9", image, "{IMAGE}:v1.0.9"]',
    f"text: |\n          image: {IMAGE}:v1.0.9\n        image: x",
    f"? {IMAGE}:v1.0.9\n        : image",
]
WORKLOADS = [
    "apiVersion: v1\nkind: Pod\nspec:",
    "kind: Deployment\napiVersion: apps/v1\nspec:\n  template:\n    spec:",
    "apiVersion: batch/v1\nkind: CronJob\nspec:\n jobTemplate:\n  spec:\n   template:\n    spec:",
    "kind: StatefulSet\napiVersion: apps/v1\nspec:\n  template: # of each\n    spec:",
    "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n- kind: DaemonSet\n  spec:\n   template:\n    spec:",
    "kind: PodList\nitems:\n-\n    spec:",
]
# A reference that is used several times, by aliases or merge keys.
SHARED = [
    "image: &image {}\n      - image: *image\n      - {{name: c, image: *image }}",
    "&all\n        image: '{}'\n      - <<: *all\n        name: b\n      - *all",
    "<<: [&some {{image: {}}}, &more {{image: busybox}}]\n      - <<: [*some, *more]",
]
HOLDS = ["# stage-ci: hold", "#stage-ci: hold by=alice", '# stage-ci:  hold by="A B" reason=é 🤖 # why']
ENTRIES = [
    "name: {name}\n  newTag: {tag}",
    "name: '{name}'\n  newTag: \"{tag}\"",
    "{{name: {name}, newTag: '{tag}' }}",
    "newTag: &tag |-\n    {tag}\n  name: other\n  newName: {name}",
    "name: {name}\n  newTag:\t{tag}\t# tab\n  digest: {digest}",
    '{{"newTag":"{tag}","digest":"{digest}","name":"{name}"}}',
]
OTHERS = [
    f"kind: ConfigMap\napiVersion: v1\ndata:\n  image: {IMAGE}:v1.0.9\n  text: |\n    image: {IMAGE}:v1.0.9\n",
    f"apiVersion: example.com/v1\nkind: Pod\nspec: {{containers: [image: '{IMAGE}:v1.0.9']}}\n",
    f"- image: {IMAGE}:v1.0.9\n",
    f"# {IMAGE}:v1.0.9\n",
    "",
]
# Scalars that are references by their markers alone.
DECLARED = [
    "kind: ConfigMap\ndata:\n  args: [--image={name}:{tag}, x] # stage-ci: image\n  other: --image={name}:v1.0.9\n",
    "kind: ConfigMap\ndata:\n  # stage-ci: image\n  text: |\n    a {name}:{tag}@{digest}\n\n    b '{name}:{tag}'\n",
    "kind: ConfigMap\ndata:\n  image: {name}:{tag} # stage-ci: image\n  other: {name}:v1.0.9\n",
    "image:\n  # stage-ci: tag of {name}\n\n  tag: '{tag}'\n  sha: {digest} # stage-ci: digest of {name}\n",
]


@st.composite
def references(draw: st.DrawFn) -> Pair:
    """Draw a reference to the image in one of its spellings and forms."""
    name, tag = draw(st.sampled_from(NAMES)), draw(st.sampled_from(TAGS))
    pinned = draw(st.sampled_from(["", f"@{OLD}"]))
    old = name + draw(st.sampled_from(["", f":{tag}"])) + pinned
    return old, f"{name}:v1.0.10" + (f"@{NEW}" if pinned else "")


@st.composite
def containers(draw: st.DrawFn) -> Pair:
    """Draw a container with the image in one of the YAML styles."""
    style = draw(st.tuples(st.sampled_from(STYLES), st.sampled_from(COMMENTS)).map("".join) | st.sampled_from(BLOCKS))
    old, new = draw(references())
    return style.format(old), style.format(new)


@st.composite
def held(draw: st.DrawFn) -> Pair:
    """Draw a container whose image is held by a marker on its line or above it."""
    old, hold = draw(references())[0], draw(st.sampled_from(HOLDS))
    text = draw(
        st.sampled_from([f"image: {old} {hold}", f"name: x\n        {hold}\n        # y\n        image: '{old}'"])
    )
    return text, text


@st.composite
def shared(draw: st.DrawFn) -> Pair:
    """Draw containers that share one reference by aliases or merge keys."""
    style, (old, new) = draw(st.sampled_from(SHARED)), draw(references())
    return style.format(old), style.format(new)


@st.composite
def kustomizations(draw: st.DrawFn) -> Pair:
    """Draw a Kustomization with entries for the image, or an object with a declared reference."""
    name = draw(st.sampled_from(NAMES))
    entries = draw(st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=3))
    kustomization = "kind: Kustomization\nimages:\n" + "".join(f"- {entry}\n" for entry in entries)
    text = draw(st.sampled_from([kustomization, *DECLARED]))
    tag = draw(st.sampled_from(TAGS if text == kustomization else [*TAGS, *VARIANTS]))
    values = {"name": name, "tag": tag, "digest": OLD}, {"name": name, "tag": "v1.0.10", "digest": NEW}
    return text.format(**values[0]), text.format(**values[1])


@st.composite
def workloads(draw: st.DrawFn) -> Pair:
    """Draw a workload with decoys, blank lines and comments between its containers."""
    decoys = st.sampled_from(DECOYS).map(lambda decoy: (decoy, decoy))
    items = draw(st.lists(decoys | containers() | shared() | held(), max_size=4))
    items.insert(draw(st.integers(0, len(items))), draw(containers()))
    head = f"{draw(st.sampled_from(WORKLOADS))}\n     {draw(st.sampled_from(['containers', 'initContainers']))}:\n"
    lines = draw(st.lists(st.sampled_from(LINES), min_size=len(items), max_size=len(items)))
    old, new = (
        "".join(f"{line}\n      - {item[half]}\n" for line, item in zip(lines, items, strict=True)) for half in (0, 1)
    )
    return head + old, head + new


@st.composite
def manifests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a file: its documents, separators, line breaks, byte order mark and end."""
    others = st.sampled_from(OTHERS).map(lambda text: (text, text))
    documents = [draw(workloads()), *draw(st.lists(workloads() | kustomizations() | others, max_size=3))]
    between = draw(st.sampled_from(["---\n", "--- # next\n", "...\n---\n", "...\n# between\n---\t\n", "---\n\ufeff"]))
    start = draw(st.sampled_from(["", "\ufeff"])) + draw(
        st.sampled_from(["", "---\n", "%YAML 1.2\n---\n", "# first\n"])
    )
    end = draw(st.sampled_from(["", "\n", "\n...\n", "\n\n# end"]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    files = [start + between.join(document[half] for document in documents).rstrip("\n") + end for half in (0, 1)]
    old, new = (file.replace("\n", newline).encode() for file in files)
    return old, new


def attempt(content: bytes) -> Edit | None:
    """Return the edit; None if it raises a ManifestError."""
    try:
        return update(content, TARGET, filename="svm.yaml")
    except ManifestError:
        return None


@pytest.mark.fault(21, 23, 24, 25, 26, 29)
@settings(max_examples=100, deadline=None)
@given(manifests())
def test_exactly_the_references_change(files: tuple[bytes, bytes]) -> None:
    """The edited file equals the generated file with the new references, byte by byte."""
    before, after = files
    edit = update(before, TARGET, filename="svm.yaml")
    assert edit.content == after
    assert edit.changed == (before != after) == bool(diff(before, after, filename="svm.yaml"))


@pytest.mark.fault(20)
@settings(max_examples=30, deadline=None)
@given(manifests())
def test_a_second_edit_changes_nothing(files: tuple[bytes, bytes]) -> None:
    """A second edit reports the same references and changes none of them."""
    edit = update(files[0], TARGET, filename="svm.yaml")
    again = update(edit.content, TARGET, filename="svm.yaml")
    assert (again.content, again.changed) == (edit.content, False)
    assert [change.old for change in again.changes] == [change.new for change in edit.changes]


@pytest.mark.fault(27)
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ORIGINALS), st.data())
def test_a_damaged_manifest_is_rejected_or_edited_correctly(content: bytes, data: st.DataObject) -> None:
    """After random damage, an edit either raises or changes nothing but lines with a reference."""
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 20)))
    piece = data.draw(st.text("ab:-'\"{}[]&*!|>#%@\\,? \t\r\n\ufeff\u2028é", max_size=6))
    damaged = content[:start] + piece.encode() + content[end:]
    edit = attempt(damaged)
    if edit:
        lines = zip(damaged.split(b"\n"), edit.content.split(b"\n"), strict=True)
        assert all(old == new or b".0.10" in new or NEW[7:].encode() in new for old, new in lines)
        again = attempt(edit.content)
        assert again
        assert not again.changed
