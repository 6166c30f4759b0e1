"""What manifests and configurations of images lead to."""

import hashlib
import json

import pytest

from stage_ci.rules.reference import Digest
from stage_ci.rules.registry import TransientError
from stage_ci.rules.registry_image import Artifact, Manifest, digest_of, labels, stated_digest, verified

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")


def index(*members: object) -> bytes:
    """Return an image index."""
    return json.dumps({"schemaVersion": 2, "manifests": members}).encode()


def member(digest: str, os: str, architecture: str) -> dict[str, object]:
    """Return one image of an index."""
    return {"digest": digest, "platform": {"os": os, "architecture": architecture}}


def test_a_manifest_leads_to_its_configuration() -> None:
    """And to no other manifest."""
    assert Manifest.parse(json.dumps({"config": {"digest": ONE}, "layers": []}).encode()) == Manifest(Digest(ONE), None)


def test_an_index_leads_to_the_image_for_linux_amd64() -> None:
    """Wherever it stands, beside other platforms and the attestations of BuildKit."""
    body = index(member(ONE, "linux", "arm64"), member(TWO, "unknown", "unknown"), member(THREE, "linux", "amd64"))
    assert Manifest.parse(body) == Manifest(None, Digest(THREE))


@pytest.mark.parametrize(
    "body", [index(), index(1, {"digest": ONE}, {"platform": "linux"}, member(ONE, "windows", "amd64")), b"{}"]
)
def test_an_index_without_linux_amd64_leads_nowhere(body: bytes) -> None:
    """Another platform is no substitute."""
    assert Manifest.parse(body) == Manifest(None, None)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"config": {}}', b'{"config": {"digest": 1}}', index(member("md5:1", "linux", "amd64"))]
)
def test_a_manifest_that_cannot_be_read_is_asked_for_again(body: bytes) -> None:
    """Half a manifest is none."""
    with pytest.raises(TransientError, match="sent something other than a"):
        Manifest.parse(body)


@pytest.mark.parametrize("body", [b"{}", b'{"config": null}', b'{"config": {}}', b'{"config": {"Labels": null}}'])
def test_an_image_may_have_no_labels(body: bytes) -> None:
    """Each of these is how some builder writes it."""
    assert labels(body) == {}


def test_labels_are_those_of_the_configuration() -> None:
    """Not those of the manifest's annotations."""
    assert labels(b'{"config": {"Labels": {"a": "1", "b": ""}}}') == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"config": [1]}', b'{"config": {"Labels": ["a"]}}', b'{"config": {"Labels": {"a": 1}}}']
)
def test_labels_that_cannot_be_read_are_asked_for_again(body: bytes) -> None:
    """Never taken for none."""
    with pytest.raises(TransientError, match="sent something other than an image configuration"):
        labels(body)


@pytest.mark.fault(15)
def test_content_is_what_its_digest_names_or_an_error() -> None:
    """Other bytes are never read as if they were the right ones."""
    assert verified(b"content", digest_of(b"content")) == b"content"
    with pytest.raises(TransientError, match=f"sent other content than {ONE}"):
        verified(b"content", Digest(ONE))


@pytest.mark.parametrize("text", [None, 1, "", "sha256:1", f" {ONE}"])
def test_a_digest_that_cannot_be_read_is_asked_for_again(text: object) -> None:
    """It says nothing about what lies there."""
    with pytest.raises(TransientError, match="sent something other than a digest"):
        stated_digest(text)


def test_an_artifact_s_manifest_names_its_blobs() -> None:
    """Config and layer by digest and size, the file by its title."""
    manifest = json.loads(Artifact("application/x.config", "application/x.layer", b"db", "db.tar.gz").manifest())
    assert manifest["config"] == {
        "mediaType": "application/x.config",
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        "size": 2,
    }
    assert manifest["layers"][0]["annotations"] == {"org.opencontainers.image.title": "db.tar.gz"}


def test_an_artifact_without_a_title_has_no_annotation() -> None:
    """And the same artifact has the same manifest, so the same digest."""
    artifact = Artifact("application/x.config", "application/x.layer", b"db")
    assert "annotations" not in json.loads(artifact.manifest())["layers"][0]
    assert artifact.manifest() == Artifact("application/x.config", "application/x.layer", b"db").manifest()
