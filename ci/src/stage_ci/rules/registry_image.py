"""Manifests and configurations of images in a registry, without a network.

Sources: OCI image-spec v1.1 (https://github.com/opencontainers/image-spec/blob/v1.1.1/: manifest.md, image-index.md,
config.md) and Docker's image manifest version 2, schema 2, which has the same shape.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidDigest
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry import TransientError, json_object

MANIFEST_MEDIA_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
_MEDIA_TYPES: Final = (
    MANIFEST_MEDIA_TYPE,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
ACCEPT: Final = ", ".join(_MEDIA_TYPES)
# image-spec, annotations.md; Trivy names the file after it (aquasecurity/trivy, pkg/oci/artifact.go).
_TITLE: Final = "org.opencontainers.image.title"
_OS: Final = "linux"
_ARCHITECTURE: Final = "amd64"


def digest_of(content: bytes) -> Digest:
    """Return the digest of some content."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def stated_digest(text: object) -> Digest:
    """Return a digest that a registry states in a header or a descriptor.

    Raises:
        TransientError: if it is no digest.
    """
    try:
        return Digest.parse(text if isinstance(text, str) else "")
    except InvalidDigest:
        raise TransientError("sent something other than a digest") from None


def verified(content: bytes, digest: Digest) -> bytes:
    """Return ``content`` if it is what ``digest`` names.

    Raises:
        TransientError: if it is not, as after a cut in the line.
    """
    if digest_of(content) != digest:
        raise TransientError(f"sent other content than {digest}")
    return content


@dataclass(frozen=True, slots=True)
class Manifest:
    """The part of a manifest or an index that leads to an image's configuration.

    Args:
        config: The configuration of the image; None in an index.
        linux_amd64: The manifest of the image for linux/amd64; None unless this is an index that has one.
    """

    config: Digest | None
    linux_amd64: Digest | None

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return what ``body`` leads to.

        Args:
            body: The body of a manifest or an image index.

        Raises:
            TransientError: if the body is neither.
        """
        manifest = json_object(body, "a manifest")
        config = manifest.get("config")
        members = manifest.get("manifests")
        return cls(
            config=stated_digest(config.get("digest")) if isinstance(config, dict) else None,
            linux_amd64=_linux_amd64(members) if isinstance(members, list) else None,
        )


def labels(config: bytes) -> dict[str, str]:
    """Return the labels of an image out of its configuration (image-spec, config.md: ``config.Labels``).

    Args:
        config: The body of the configuration blob.

    Returns:
        The labels; empty when there are none.

    Raises:
        TransientError: if the body is no image configuration.
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
        config_media_type: What the artifact is.
        layer_media_type: How its file is packed.
        layer: The file.
        title: The file's name; empty for none.
    """

    config_media_type: str
    layer_media_type: str
    layer: bytes
    title: str = ""

    config = b"{}"

    def manifest(self) -> bytes:
        """Return the manifest; equal artifacts give equal bytes."""
        layer = _descriptor(self.layer_media_type, self.layer)
        if self.title:
            layer["annotations"] = {_TITLE: self.title}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_MEDIA_TYPE,
            "config": _descriptor(self.config_media_type, self.config),
            "layers": [layer],
        }
        return json.dumps(manifest, separators=(",", ":")).encode()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content)}


def _linux_amd64(members: list[object]) -> Digest | None:
    for member in (member for member in members if isinstance(member, dict)):
        # Attestations of BuildKit lie in the same index, for the platform unknown/unknown.
        platform = member.get("platform")
        if isinstance(platform, dict) and (platform.get("os"), platform.get("architecture")) == (_OS, _ARCHITECTURE):
            return stated_digest(member.get("digest"))
    return None
