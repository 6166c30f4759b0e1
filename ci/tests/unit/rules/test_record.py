"""The records of releases: their text, their refs, and what they say about a registry."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidRecord, SwappedTag
from stage_ci.rules.claim import InputDigest, claim_ref
from stage_ci.rules.record import Record, raise_if_swapped, record_ref, recorded_versions
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.revision import Revision
from stage_ci.rules.version import VersionLine

LINE: Final = VersionLine.parse("v1.0")
SERVICE: Final = Repository.parse("owner/service")
DIGEST: Final = Digest.parse(f"sha256:{'d' * 64}")
OTHER: Final = Digest.parse(f"sha256:{'e' * 64}")
INPUTS: Final = InputDigest.of("files", {})
RECORD: Final = Record(SERVICE, LINE.version(7), DIGEST, INPUTS)


def test_a_record_s_text_is_read_back() -> None:
    """The text of a record has a trailer for each attribute, from which the record is read."""
    assert RECORD.text() == (
        "record docker.io/owner/service:v1.0.7\n\n"
        "Image: docker.io/owner/service\n"
        "Version: v1.0.7\n"
        f"Digest: {DIGEST}\n"
        f"Inputs: {INPUTS}\n"
    )
    assert Record.parse(RECORD.text(), SERVICE, LINE.version(7)) == RECORD


def test_a_record_has_the_revision_of_the_source() -> None:
    """The revision, with its time, is a trailer as well, if it is known."""
    record = replace(RECORD, revision=Revision.parse(f"{'a' * 40} 2026-05-04T14:00:00+02:00"))
    assert record.text() == f"{RECORD.text()}Revision: {'a' * 40} 2026-05-04T12:00:00+00:00\n"
    assert Record.parse(record.text(), SERVICE, LINE.version(7)) == record


def test_a_record_may_say_more() -> None:
    """A key that this version does not know is ignored, so that a later version can add one."""
    assert Record.parse(f"{RECORD.text()}Evidence: abc\n", SERVICE, LINE.version(7)) == RECORD


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("Image: docker.io/owner/service", "Image: docker.io/owner/other", "has Image 'docker.io/owner/other'"),
        ("Image: docker.io/owner/service\n", "", "has Image ''"),
        ("Version: v1.0.7", "Version: v1.0.8", "has Version 'v1.0.8'"),
        (f"Digest: {DIGEST}", "Digest: sha256:12", "has an invalid digest 'sha256:12'"),
        (f"Digest: {DIGEST}\n", "", "has an invalid digest ''"),
        (f"Inputs: {INPUTS}", "Inputs: none", "has an invalid digest 'none'"),
        ("\nInputs", "\nRevision: HEAD\nInputs", "has an invalid --source-revision='HEAD'"),
    ],
)
def test_a_record_of_something_else_is_rejected(old: str, new: str, error: str) -> None:
    """A record that names another image or version, or lacks a digest, is an error and never taken for none."""
    text = RECORD.text().replace(old, new)
    assert text != RECORD.text()
    with pytest.raises(InvalidRecord, match=rf"^record: the record of docker\.io/owner/service:v1\.0\.7 {error}"):
        Record.parse(text, SERVICE, LINE.version(7))


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_record(text: str) -> None:
    """Any text is either rejected, or a record of the image and the version that were asked for."""
    with pytest.raises(InvalidRecord):
        Record.parse(text, SERVICE, LINE.version(7))


def test_only_records_of_this_repository_and_line_are_read() -> None:
    """Claims, and records of other repositories, lines and spellings of a number, are ignored."""
    refs = [
        record_ref(SERVICE, LINE.version(7)),
        record_ref(SERVICE, VersionLine.parse("v1.1").version(8)),
        record_ref(Repository.parse("ghcr.io/owner/service"), LINE.version(9)),
        claim_ref(SERVICE, LINE.version(10)),
        f"{record_ref(SERVICE, LINE.version(11))}/x",
        "refs/records/docker.io/owner/service/-/v1.0.012",
    ]
    assert recorded_versions(dict.fromkeys(refs, "a" * 40), SERVICE, LINE) == {LINE.version(7)}


@pytest.mark.fault(41)
def test_another_image_than_the_record_is_an_error() -> None:
    """The digest that was recorded, and a registry without the version, pass; any other digest does not."""
    raise_if_swapped(RECORD, DIGEST)
    raise_if_swapped(RECORD, None)
    with pytest.raises(SwappedTag, match=f"service:v1.0.7 is {OTHER} but was released as {DIGEST}; nothing was"):
        raise_if_swapped(RECORD, OTHER)
