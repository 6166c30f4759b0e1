"""Image manifests, image configurations and artifacts."""

import hashlib
import json

import pytest

from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.image import Artifact, ImageManifest, digest_of, labels, parse_digest, verify
from stage_ci.rules.registry.protocol import TransientError

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")


def index(*members: object) -> bytes:
    """Return an image index."""
    return json.dumps({"schemaVersion": 2, "manifests": members}).encode()


def member(digest: str, os: str, architecture: str) -> dict[str, object]:
    """Return one member of an image index."""
    return {"digest": digest, "platform": {"os": os, "architecture": architecture}}


def test_an_image_manifest_refers_to_its_configuration() -> None:
    """An image manifest refers to its configuration and to no other image manifest."""
    body = json.dumps({"config": {"digest": ONE}, "layers": []}).encode()
    assert ImageManifest.parse(body) == ImageManifest(Digest(ONE), None)


def test_an_image_index_refers_to_linux_amd64() -> None:
    """The linux/amd64 member of an image index is found among other platforms and BuildKit's attestations."""
    body = index(member(ONE, "linux", "arm64"), member(TWO, "unknown", "unknown"), member(THREE, "linux", "amd64"))
    assert ImageManifest.parse(body) == ImageManifest(None, Digest(THREE))


@pytest.mark.parametrize(
    "body", [index(), index(1, {"digest": ONE}, {"platform": "linux"}, member(ONE, "windows", "amd64")), b"{}"]
)
def test_an_image_index_without_linux_amd64_refers_to_nothing(body: bytes) -> None:
    """An image index without linux/amd64 gives no other platform instead."""
    assert ImageManifest.parse(body) == ImageManifest(None, None)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"config": {}}', b'{"config": {"digest": 1}}', index(member("md5:1", "linux", "amd64"))]
)
def test_an_invalid_image_manifest_is_transient(body: bytes) -> None:
    """An invalid or truncated image manifest is an error that is retried."""
    with pytest.raises(TransientError, match="sent something other than a"):
        ImageManifest.parse(body)


@pytest.mark.parametrize("body", [b"{}", b'{"config": null}', b'{"config": {}}', b'{"config": {"Labels": null}}'])
def test_an_image_may_have_no_labels(body: bytes) -> None:
    """An image without labels has an empty mapping, however its builder writes that."""
    assert labels(body) == {}


def test_labels_are_those_of_the_configuration() -> None:
    """Labels are read from `config.Labels` of the image configuration."""
    assert labels(b'{"config": {"Labels": {"a": "1", "b": ""}}}') == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"config": [1]}', b'{"config": {"Labels": ["a"]}}', b'{"config": {"Labels": {"a": 1}}}']
)
def test_invalid_labels_are_transient(body: bytes) -> None:
    """Invalid labels are an error that is retried, not an image without labels."""
    with pytest.raises(TransientError, match="sent something other than an image configuration"):
        labels(body)


@pytest.mark.fault(15)
def test_content_must_match_its_digest() -> None:
    """Content that does not match its digest is an error."""
    assert verify(b"content", digest_of(b"content")) == b"content"
    with pytest.raises(TransientError, match=f"sent content that does not match {ONE}"):
        verify(b"content", Digest(ONE))


@pytest.mark.parametrize("text", [None, 1, "", "sha256:1", f" {ONE}"])
def test_an_invalid_digest_is_transient(text: object) -> None:
    """An invalid digest is an error that is retried."""
    with pytest.raises(TransientError, match="sent something other than a digest"):
        parse_digest(text)


def test_the_image_manifest_of_an_artifact_describes_its_blobs() -> None:
    """The image manifest of an artifact holds digest and size of its blobs, and the file name as title."""
    manifest = json.loads(Artifact("application/x.config", "application/x.layer", b"db", "db.tar.gz").manifest())
    assert manifest["config"] == {
        "mediaType": "application/x.config",
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        "size": 2,
    }
    assert manifest["layers"][0]["annotations"] == {"org.opencontainers.image.title": "db.tar.gz"}


def test_an_artifact_without_a_title_has_no_annotation() -> None:
    """An artifact without a title has no annotation, and equal artifacts have equal image manifests."""
    artifact = Artifact("application/x.config", "application/x.layer", b"db")
    assert "annotations" not in json.loads(artifact.manifest())["layers"][0]
    assert artifact.manifest() == Artifact("application/x.config", "application/x.layer", b"db").manifest()
