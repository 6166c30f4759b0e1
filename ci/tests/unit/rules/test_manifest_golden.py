"""Golden folders: an edit turns `original.yaml` into `expected.yaml`, byte by byte."""

from pathlib import Path

import pytest
from tests.unit.rules.golden import CASES, DIGEST, IMAGE, NAMES, read, read_all

from stage_ci.rules.manifest import Target, update
from stage_ci.rules.reference import Digest, Repository

EXAMPLE = Path(__file__).parents[4] / "examples" / "infra" / "manifests" / "default"
TARGET = Target(Repository.parse(IMAGE), "v1.0.1", Digest.parse(DIGEST))


def windows(content: bytes) -> bytes:
    """Return a manifest with a byte order mark and Windows line breaks."""
    return b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")


def test_every_golden_folder_is_a_case() -> None:
    """Every folder with an expected file is in the list of cases."""
    assert {str(name.values[0]) for name in NAMES} == {path.parent.name for path in CASES.glob("*/expected.yaml")}


@pytest.mark.parametrize("name", NAMES)
def test_exactly_the_references_change(name: str) -> None:
    """Every reference to the repository changes, and every other byte stays."""
    original, expected = read(name)
    assert update(original, TARGET, filename="x.yaml").content == expected


@pytest.mark.fault(21, 26)
def test_the_documents_of_one_file_are_edited_alike() -> None:
    """All golden folders as the documents of one file change as they do alone."""
    original, expected = read_all()
    assert update(original, TARGET, filename="x.yaml").content == expected


@pytest.mark.fault(26)
@pytest.mark.parametrize("name", NAMES)
def test_byte_order_mark_and_windows_line_breaks_stay(name: str) -> None:
    """A byte order mark and line breaks of two characters neither change nor shift the edit."""
    original, expected = read(name)
    assert update(windows(original), TARGET, filename="x.yaml").content == windows(expected)


@pytest.mark.fault(20)
@pytest.mark.parametrize("name", NAMES)
def test_a_second_edit_changes_nothing(name: str) -> None:
    """An edit of the expected file reports the same references and leaves the file unchanged."""
    original, expected = read(name)
    before, again = (update(content, TARGET, filename="x.yaml") for content in (original, expected))
    assert not again.changed
    assert again.content == expected
    assert [(change.path, change.line, change.old) for change in again.changes] == [
        (change.path, change.line, change.new) for change in before.changes
    ]


@pytest.mark.fault(24)
def test_one_line_of_the_example_changes() -> None:
    """Only the container's image changes in the example manifest, which also names it in a ConfigMap and a comment."""
    original = (EXAMPLE / "svm.yaml").read_bytes()
    edit = update(original, TARGET, filename="manifests/default/svm.yaml")
    before, after = original.splitlines(), edit.content.splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        b"        image: medhedimaaroufi/callcenterai-svm:v1.0.1   # the release pipeline writes here"
    ]


@pytest.mark.parametrize("service", ["agent", "transformer"])
def test_the_manifests_of_other_services_are_updated(service: str) -> None:
    """The manifest of another service needs no other code, only another target."""
    target = Target(Repository.parse(f"medhedimaaroufi/callcenterai-{service}"), "v1.0.9")
    edit = update((EXAMPLE / f"{service}.yaml").read_bytes(), target, filename=f"{service}.yaml")
    assert [change.path for change in edit.changes] == [
        f"Deployment/callcenterai-{service} spec.template.spec.containers[0].image"
    ]
    assert edit.changed
