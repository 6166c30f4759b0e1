"""Referrers of an image: their image manifests, and the list of them under a fallback tag."""

import json
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.reference import Digest, Reference
from stage_ci.rules.registry.image import EMPTY_TYPE, IMAGE_MANIFEST_TYPE, INDEX_TYPE, Artifact, descriptor, digest_of
from stage_ci.rules.registry.protocol import TransientError
from stage_ci.rules.registry.referrers import Referrer, fallback_tag, image_descriptor, with_referrers

DOCKER_TYPE: Final = "application/vnd.docker.distribution.manifest.v2+json"
ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
IMAGE: Final = json.dumps({"mediaType": IMAGE_MANIFEST_TYPE, "layers": []}).encode()
SUBJECT: Final = {"mediaType": IMAGE_MANIFEST_TYPE, "digest": str(digest_of(IMAGE)), "size": len(IMAGE)}
SBOM: Final = Artifact(EMPTY_TYPE, "application/x.sbom", b"sbom", annotations={"day": "4 May"}, subject=SUBJECT)
ENTRY: Final = descriptor(IMAGE_MANIFEST_TYPE, SBOM.manifest()) | {
    "artifactType": "application/x.sbom",
    "annotations": {"day": "4 May"},
}

KEYS: Final = ["subject", "layers", "digest", "mediaType", "config"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(ONE),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def index(*entries: object) -> bytes:
    """Return an image index."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).encode()


def manifest(**fields: object) -> bytes:
    """Return an image manifest with one layer, and with changed fields."""
    return json.dumps({"layers": [{"digest": ONE}], "subject": {"digest": TWO}} | fields).encode()


def entries(content: bytes) -> Any:  # noqa: ANN401 - JSON of any type
    """Return the entries of an image index."""
    return json.loads(content)["manifests"]


def test_an_artifact_without_a_configuration_has_a_type() -> None:
    """The type of an artifact whose configuration is empty is the media type of its file."""
    assert json.loads(SBOM.manifest())["artifactType"] == "application/x.sbom"
    assert json.loads(SBOM.manifest())["config"] == descriptor("application/vnd.oci.empty.v1+json", b"{}")


def test_an_artifact_with_a_configuration_names_its_type_there() -> None:
    """An artifact whose configuration has a media type of its own has neither type, subject nor annotations."""
    plain = json.loads(Artifact("application/x.config", "application/x.layer", b"db").manifest())
    assert sorted(plain) == ["config", "layers", "mediaType", "schemaVersion"]


def test_an_artifact_has_its_subject_and_annotations() -> None:
    """An artifact has the descriptor of its image, and annotations of its image manifest and not of its file."""
    fields = json.loads(SBOM.manifest())
    assert fields["subject"] == SUBJECT
    assert fields["annotations"] == {"day": "4 May"}
    assert fields["layers"] == [descriptor("application/x.sbom", b"sbom")]


def test_a_title_and_annotations_stand_apart() -> None:
    """The title annotates the file, and the annotations annotate the image manifest."""
    fields = json.loads(Artifact(EMPTY_TYPE, "application/x.sbom", b"sbom", "sbom.json", {"day": "4 May"}).manifest())
    assert fields["layers"][0]["annotations"] == {"org.opencontainers.image.title": "sbom.json"}
    assert fields["annotations"] == {"day": "4 May"}


@pytest.mark.parametrize("media_type", [IMAGE_MANIFEST_TYPE, INDEX_TYPE, DOCKER_TYPE])
def test_the_descriptor_of_an_image_has_its_media_type(media_type: str) -> None:
    """The descriptor of an image has the media type that the image manifest or index states, its digest and size."""
    content = json.dumps({"mediaType": media_type}).encode()
    expected = {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content)}
    assert image_descriptor(content) == expected


def test_an_image_without_a_media_type_is_an_image_manifest() -> None:
    """An image manifest without a media type is one of OCI, where the field is optional."""
    assert image_descriptor(b'{"layers": []}')["mediaType"] == IMAGE_MANIFEST_TYPE


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"[" * 100_000])
def test_the_descriptor_of_something_else_is_transient(content: bytes) -> None:
    """An image manifest that is no JSON object is an error that is retried."""
    with pytest.raises(TransientError, match=r"^sent something other than an image manifest$"):
        image_descriptor(content)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_parts_of_an_artifact_are_read_back(image: bytes, content: bytes) -> None:
    """The subject and the file's digest are read from the image manifest of any artifact that refers to an image."""
    subject = descriptor(IMAGE_MANIFEST_TYPE, image)
    artifact = Artifact(EMPTY_TYPE, "application/x.sbom", content, subject=subject)
    assert Referrer.parts(artifact.manifest()) == (digest_of(image), digest_of(content))


@pytest.mark.parametrize("fields", [{"subject": None}, {"subject": TWO}, {"subject": []}])
def test_an_artifact_may_have_no_subject(fields: dict[str, object]) -> None:
    """An artifact that refers to no image, or whose subject is no descriptor, has no subject."""
    assert Referrer.parts(manifest(**fields)) == (None, Digest(ONE))


@pytest.mark.parametrize(
    "layers", [None, {}, [], ["layer"], [{"digest": ONE}, {"digest": TWO}]], ids=["no", "object", "none", "text", "two"]
)
def test_an_artifact_has_one_layer(layers: object) -> None:
    """An image manifest without exactly one layer is no artifact of one file, and an error that is retried."""
    with pytest.raises(TransientError, match=r"^sent something other than an artifact of one file$"):
        Referrer.parts(manifest(layers=layers))


@pytest.mark.parametrize(
    "fields", [{"layers": [{}]}, {"layers": [{"digest": "sha256:1"}]}, {"subject": {}}, {"subject": {"digest": 1}}]
)
def test_an_invalid_digest_of_a_part_is_transient(fields: dict[str, object]) -> None:
    """A layer or a subject without a valid digest is an error that is retried, not an artifact without subject."""
    with pytest.raises(TransientError, match=r"^sent something other than a digest$"):
        Referrer.parts(manifest(**fields))


@given(json_values, json_values)
def test_any_json_is_an_artifact_or_transient(layers: object, subject: object) -> None:
    """An image manifest of any JSON is either read as an artifact with valid digests, or an error that is retried."""
    with suppress(TransientError):
        found = Referrer.parts(manifest(layers=layers, subject=subject))
        assert found in [(None, Digest(ONE)), (Digest(ONE), Digest(ONE))]


def test_the_fallback_tag_is_a_valid_tag() -> None:
    """The fallback tag is the digest of the image with a dash, which is a valid tag."""
    tag = fallback_tag(Digest(ONE))
    assert tag == f"sha256-{'1' * 64}"
    assert Reference.parse(f"owner/service:{tag}").tag == tag


def test_the_first_referrer_starts_a_list() -> None:
    """The first list of referrers is an image index, whose entry repeats the type and annotations of the referrer."""
    assert json.loads(with_referrers(None, [SBOM.manifest()])) == {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [ENTRY],
    }


def test_an_entry_repeats_only_what_its_manifest_has() -> None:
    """The entry of a referrer without type and annotations has neither."""
    plain = Artifact("application/x.config", "application/x.layer", b"db", subject=SUBJECT).manifest()
    assert entries(with_referrers(None, [plain])) == [descriptor(IMAGE_MANIFEST_TYPE, plain)]


def test_a_list_keeps_the_entries_that_it_has() -> None:
    """Entries of other clients stay first in a list, in their order and with all of their fields."""
    foreign: list[dict[str, object]] = [{"digest": TWO, "size": 1, "platform": {"os": "linux"}}, {"digest": ONE}]
    assert entries(with_referrers(index(*foreign), [SBOM.manifest()])) == [*foreign, ENTRY]


def test_a_referrer_is_listed_once() -> None:
    """A referrer that is listed already, or given twice, has one entry, in the place that it had."""
    once = with_referrers(index(ENTRY, {"digest": ONE}), [SBOM.manifest(), SBOM.manifest()])
    assert entries(once) == [ENTRY, {"digest": ONE}]


@given(st.lists(st.binary(max_size=3), max_size=6), st.integers(0, 6))
def test_a_list_grows_to_the_same_whatever_the_steps(contents: list[bytes], cut: int) -> None:
    """Adding referrers in two steps gives the bytes of the list that one step gives, with each referrer once."""
    manifests = [Artifact(EMPTY_TYPE, "application/x.sbom", content).manifest() for content in contents]
    together = with_referrers(None, manifests)
    assert with_referrers(with_referrers(None, manifests[:cut]), manifests[cut:]) == together
    assert len(entries(together)) == len(set(contents))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", IMAGE, b'{"manifests": null}', b'{"manifests": {}}', index("entry"), index([])],
)
def test_a_list_that_is_something_else_is_transient(content: bytes) -> None:
    """A list that is no image index is an error that is retried, so that it is never replaced by a new list."""
    with pytest.raises(TransientError, match=r"^sent something other than an image index$"):
        with_referrers(content, [SBOM.manifest()])
