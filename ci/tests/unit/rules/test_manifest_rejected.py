"""Manifests that cannot be edited: each file of `testdata/manifest/leave/` is rejected with the line and the cause."""

from pathlib import Path

import pytest

from stage_ci.errors import ImageNotInManifest, InvalidManifest, ManifestError, ManifestMissing
from stage_ci.rules.manifest import Target, diff, update
from stage_ci.rules.manifest.parse import MAX_DEPTH, MAX_NODES
from stage_ci.rules.manifest.text import MAX_BYTES
from stage_ci.rules.reference import Repository

CASES = Path(__file__).parent / "testdata" / "manifest" / "leave"
IMAGE = "medhedimaaroufi/callcenterai-svm"
OLD = f"sha256:{'a' * 64}"
TARGET = Target(Repository.parse(IMAGE), "v1.0.1")

TEMPLATE = "a Helm or Jinja template, not a manifest; give the rendered manifest"
SHARED = "an alias also uses the text of"
INVALID = {
    "helm": f":1: {TEMPLATE}",
    "helm_inside": f":6: {TEMPLATE}",
    "helm_that_is_valid_yaml": f":6: {TEMPLATE}",
    "helm_in_plain_text": f":4: {TEMPLATE}",
    "jinja": f":7: {TEMPLATE}",
    "duplicate_key": ":9: duplicate key 'image', first on line 8;",
    "duplicate_key_elsewhere": ":3: duplicate key 'app', first on line 3;",
    "duplicate_merge": ":10: duplicate key '<<', first on line 9;",
    "unclosed_quote": ":7: invalid YAML: found unexpected end of stream;",
    "tab_as_indentation": ":4: invalid YAML: found character '\\t'",
    "wrong_indentation": ":6: invalid YAML: expected <block end>",
    "merge_conflict": ":6: invalid YAML: could not find expected ':'",
    "undefined_alias": ":6: invalid YAML: found undefined alias 'other';",
    "alias_of_itself": ":6: an alias inside its own anchor;",
    "alias_bomb": f":11: more than {MAX_NODES} nodes once aliases are followed;",
    "no_such_character": ": invalid YAML: a number or a character code is out of range;",
    "shared_with_an_annotation": f":7: {SHARED} Pod/svm spec.containers[0].image for something else",
    "shared_with_a_custom_resource": f":8: {SHARED} Pod spec.containers[0].image for something else",
    "shared_tag": f":5: {SHARED} Kustomization images[0] for something else",
}
NOT_FOUND = {
    "twins_only": "its images: medhedimaaroufi/callcenterai-svm-worker:v1.0.0, other/callcenterai-svm:v1.0.0;",
    "custom_resource_only": "its images: none;",
    "comments_only": "its images: none;",
    "kustomization_without_tag": ":4: Kustomization images[0] has neither newTag nor digest; set `newTag: v1.0.1`",
}


def rejection(content: bytes, *, filename: str = "svm.yaml") -> ManifestError:
    """Return the error that an edit raises."""
    with pytest.raises(ManifestError) as caught:
        update(content, TARGET, filename=filename)
    return caught.value


def pod(*containers: str) -> bytes:
    """Return a pod of the given containers, in flow style."""
    return f"{{apiVersion: v1, kind: Pod, spec: {{containers: [{', '.join(containers)}]}}}}\n".encode()


def test_every_file_is_a_case() -> None:
    """Every file of the folder is in one of the two lists of cases."""
    assert sorted([*INVALID, *NOT_FOUND]) == sorted(path.stem for path in CASES.glob("*.yaml"))


@pytest.mark.fault(27)
@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_manifest_is_rejected_with_its_line(name: str) -> None:
    """A template, a duplicate key, invalid YAML, an alias bomb or a shared reference is reported with its line."""
    error = rejection((CASES / f"{name}.yaml").read_bytes(), filename=f"{name}.yaml")
    assert type(error) is InvalidManifest
    assert f"{name}.yaml{INVALID[name]}" in str(error)


@pytest.mark.fault(22)
@pytest.mark.parametrize("name", NOT_FOUND)
def test_a_manifest_without_the_image_is_rejected(name: str) -> None:
    """An edit without a reference to update raises, and the message lists the images that were found."""
    error = rejection((CASES / f"{name}.yaml").read_bytes(), filename=f"{name}.yaml")
    assert type(error) is ImageNotInManifest
    assert NOT_FOUND[name] in str(error)


@pytest.mark.fault(22)
def test_at_most_five_images_are_listed() -> None:
    """The message lists five of a hundred images."""
    containers = [f"{{image: other:{number}}}" for number in range(100)]
    assert str(rejection(pod(*containers))).count("other:") == 5


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "svm.yaml is empty"),
        (b"  \r\n\t\n", "svm.yaml is empty"),
        (b"\xef\xbb\xbf\n", "svm.yaml is empty"),
        (b"kind: Pod\nname: caf\xe9\n", "svm.yaml is not UTF-8 text: invalid continuation byte at byte 19"),
        ("kind: Pod\n".encode("utf-16"), "svm.yaml is not UTF-8 text: invalid start byte at byte 0"),
        (b"kind: \xed\xa0\x80\n", "svm.yaml is not UTF-8 text"),
    ],
)
def test_a_file_that_is_empty_or_not_utf_8_is_rejected(content: bytes, problem: str) -> None:
    """An empty file, Latin-1, UTF-16 and lone surrogates are reported as such."""
    error = rejection(content)
    assert type(error) is ManifestMissing
    assert problem in str(error)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"# " + b"x" * 50_000_000, f"svm.yaml has 50000002 bytes, which exceeds the limit of {MAX_BYTES};"),
        (b"a: \x00", "svm.yaml:1: invalid YAML: character U+0000 is not allowed;"),
        ("kind: Pod\n".encode("utf-16-le"), "svm.yaml:1: invalid YAML: character U+0000 is not allowed;"),
        (b"a: b\r\n\r\n\x07", "svm.yaml:3: invalid YAML: character U+0007 is not allowed;"),
        (b"[" * 500_000, f"svm.yaml:1: nested deeper than {MAX_DEPTH} levels;"),
        (b"{a: " * 200_000, f"svm.yaml:1: nested deeper than {MAX_DEPTH} levels;"),
        (b"- " * 500_000, f"svm.yaml:1: nested deeper than {MAX_DEPTH} levels;"),
        (b"? " * 500_000, f"svm.yaml:1: nested deeper than {MAX_DEPTH} levels;"),
        (b"a: &a [" + b"x, " * 999 + b"]\nb: [" + b"*a, " * 1000 + b"]", f"svm.yaml:2: more than {MAX_NODES} nodes"),
        (b"a: !" + b"t" * 100_000 + b" b\n", "svm.yaml:1: invalid YAML: a tag of more than 256 characters"),
        (b"%TAG ! " + b"t" * 100_000 + b"\n--- a\n", "svm.yaml:1: invalid YAML: a tag of more than 256 characters"),
        (b"%YAML 1." + b"1" * 5000 + b"\n--- a\n", "svm.yaml: invalid YAML: a number or a character code"),
    ],
    ids=[
        "huge",
        "nul",
        "utf-16",
        "bell",
        "sequences",
        "mappings",
        "items",
        "keys",
        "aliases",
        "tag",
        "tags",
        "version",
    ],
)
def test_size_depth_and_nodes_are_bounded(content: bytes, problem: str) -> None:
    """A file beyond a bound is rejected before it costs time or memory."""
    error = rejection(content)
    assert type(error) is InvalidManifest
    assert problem in str(error)


@pytest.mark.fault(27)
def test_an_edit_that_exceeds_the_size_limit_is_rejected() -> None:
    """A longer tag is not written if the next edit could not read the file."""
    containers = pod(f"{{image: {IMAGE}:v1}}")
    full = containers + b"#" * (MAX_BYTES - len(containers))
    assert f"svm.yaml has {MAX_BYTES + 4} bytes" in str(rejection(full))


@pytest.mark.fault(27)
def test_a_long_comment_after_a_block_scalar_header_is_skipped() -> None:
    """A comment of 200,000 characters after `|` is skipped; ruamel.yaml alone needs quadratic time for it."""
    head = b"kind: Pod\ntext: | #" + b"c" * 200_000 + b"\n  a\nspec:\n  containers:\n"
    edit = update(head + f"  - image: {IMAGE}:v1.0.0\n".encode(), TARGET, filename="svm.yaml")
    assert edit.content == head + f"  - image: {IMAGE}:v1.0.1\n".encode()


@pytest.mark.fault(23)
def test_a_pinned_reference_requires_the_new_digest() -> None:
    """A pinned reference is rejected if the new digest is unknown: it is neither unpinned nor left stale."""
    for tag in (":v1.0.0", ":v1.0.1", ""):
        error = rejection(pod(f"{{image: {IMAGE}:v1.0.0}}", f'{{image: "{IMAGE}{tag}@{OLD}"}}'))
        assert type(error) is InvalidManifest
        assert f"svm.yaml:1: {IMAGE}{tag}@{OLD} holds a digest" in str(error)
        assert "--image-digest" in str(error)


@pytest.mark.fault(26)
def test_a_reference_with_needless_escape_sequences_is_rejected() -> None:
    """A reference whose characters cannot be located one by one is rejected."""
    error = rejection(pod(f'{{image: "\\t{IMAGE}:v1.0.0"}}'))
    assert type(error) is InvalidManifest
    assert f"svm.yaml:1: {IMAGE}:v1.0.0 is written with escape sequences; write it without them" in str(error)


@pytest.mark.fault(27)
def test_a_diff_has_the_same_size_limit_as_an_edit() -> None:
    """A version larger than the limit has no diff."""
    with pytest.raises(InvalidManifest):
        diff(b"a: b\n", b"x" * (MAX_BYTES + 1), filename="svm.yaml")


@pytest.mark.fault(26)
def test_a_tag_that_spans_two_lines_is_rejected() -> None:
    """An edit never changes the number of lines, so an escaped line break within a tag is rejected."""
    error = rejection(pod(f'{{image: "{IMAGE}:2.0\\\n    .0"}}'))
    assert f"svm.yaml:1: {IMAGE}:2.0.0 is written with escape sequences" in str(error)


@pytest.mark.fault(26)
@pytest.mark.parametrize("separator", ["\ufeff---\n", "\ufeff\n---\n", "\ufeff--- # next\r\n"])
def test_a_byte_order_mark_between_joined_files_is_rejected(separator: str) -> None:
    """A byte order mark before the `---` of a joined file, which editors do not show, is named as the cause."""
    text = f"kind: Pod\nspec: {{containers: [{{image: '{IMAGE}:v1.0.0'}}]}}\n"
    assert "svm.yaml:3: a byte order mark within a document; remove it" in str(
        rejection((text + separator + text).encode())
    )
