"""Image manifests and image configurations in a registry, and small files packed as OCI artifacts.

Sources: OCI image-spec v1.1 (https://github.com/opencontainers/image-spec/blob/v1.1.1/: manifest.md, image-index.md,
config.md) and Docker's image manifest version 2, schema 2, which has the same shape.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from stage_ci.errors import InvalidDigest
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.protocol import TransientError, json_object

IMAGE_MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
_MEDIA_TYPES: Final = (
    IMAGE_MANIFEST_TYPE,
    INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# The media type of a configuration that is `{}` (image-spec, manifest.md, "Guidance for an Empty Descriptor").
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
ACCEPT: Final = ", ".join(_MEDIA_TYPES)
# image-spec, annotations.md; Trivy takes the file name from it (aquasecurity/trivy, pkg/oci/artifact.go).
_TITLE: Final = "org.opencontainers.image.title"
_OS: Final = "linux"
_ARCHITECTURE: Final = "amd64"


def digest_of(content: bytes) -> Digest:
    """Return the digest of ``content``."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def is_digest(text: str) -> bool:
    """Return whether ``text`` is a SHA-256 digest."""
    try:
        Digest.parse(text)
    except InvalidDigest:
        return False
    return True


def parse_digest(text: object) -> Digest:
    """Parse a digest out of a descriptor.

    Raises:
        TransientError: if ``text`` is not a digest.
    """
    if not isinstance(text, str) or not is_digest(text):
        raise TransientError("sent something other than a digest")
    return Digest(text)


def verify(content: bytes, digest: Digest) -> bytes:
    """Return ``content`` if its digest is ``digest``.

    Raises:
        TransientError: if it has another digest, as after a truncated download.
    """
    if digest_of(content) != digest:
        raise TransientError(f"sent content that does not match {digest}")
    return content


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """The digests by which an image manifest or an image index refers to an image's configuration.

    Args:
        config: The image configuration; None in an image index.
        linux_amd64: The image manifest for linux/amd64 in an image index; None in an image manifest.
    """

    config: Digest | None
    linux_amd64: Digest | None

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse an image manifest or an image index.

        Args:
            body: The content of either.

        Raises:
            TransientError: if the body is neither.
        """
        manifest = json_object(body, "an image manifest")
        config = manifest.get("config")
        members = manifest.get("manifests")
        return cls(
            config=parse_digest(config.get("digest")) if isinstance(config, dict) else None,
            linux_amd64=_linux_amd64(members) if isinstance(members, list) else None,
        )


def labels(config: bytes) -> dict[str, str]:
    """Return the labels in an image configuration (image-spec, config.md: ``config.Labels``).

    Args:
        config: The content of the configuration blob.

    Returns:
        The labels; empty if the image has none.

    Raises:
        TransientError: if the content is not an image configuration.
    """
    settings = json_object(config, "an image configuration").get("config") or {}
    found = settings.get("Labels") or {} if isinstance(settings, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise TransientError("sent something other than an image configuration")
    return found


@dataclass(frozen=True, slots=True)
class Artifact:
    """A single file packed as an OCI artifact (image-spec, manifest.md, "Guidelines for Artifact Usage").

    Args:
        config_media_type: The media type of the configuration, which names the kind of artifact; EMPTY_TYPE if the
            media type of the file names it.
        layer_media_type: The media type of the file.
        layer: The content of the file.
        title: The file's name; empty for none.
        annotations: The annotations of the image manifest.
        subject: The descriptor of the image manifest that the artifact refers to; None for none.
    """

    config_media_type: str
    layer_media_type: str
    layer: bytes
    title: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Mapping[str, object] | None = None

    config = b"{}"

    def manifest(self) -> bytes:
        """Return the image manifest; equal artifacts give equal bytes."""
        layer = descriptor(self.layer_media_type, self.layer)
        if self.title:
            layer["annotations"] = {_TITLE: self.title}
        manifest: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST_TYPE,
            "config": descriptor(self.config_media_type, self.config),
            "layers": [layer],
        }
        if self.config_media_type == EMPTY_TYPE:
            manifest["artifactType"] = self.layer_media_type
        if self.subject:
            manifest["subject"] = self.subject
        if self.annotations:
            manifest["annotations"] = self.annotations
        return json.dumps(manifest, separators=(",", ":")).encode()


def descriptor(media_type: str, content: bytes) -> dict[str, object]:
    """Return the descriptor of ``content`` (image-spec, descriptor.md)."""
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content)}


def _linux_amd64(members: list[object]) -> Digest | None:
    for member in (member for member in members if isinstance(member, dict)):
        # BuildKit puts attestations into the same index, under the platform unknown/unknown:
        # https://docs.docker.com/build/metadata/attestations/attestation-storage/
        platform = member.get("platform")
        if isinstance(platform, dict) and (platform.get("os"), platform.get("architecture")) == (_OS, _ARCHITECTURE):
            return parse_digest(member.get("digest"))
    return None
