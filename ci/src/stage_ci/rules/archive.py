"""The digests of an image archive."""

import json
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import BuildFailed, InvalidDigest, ScannerUnavailable
from stage_ci.rules.dockerfile import PLATFORM
from stage_ci.rules.reference import Digest

# What Trivy names the digest of the image configuration in a CycloneDX document (aquasecurity/trivy, pkg/sbom/core).
_IMAGE_ID: Final = "aquasecurity:trivy:ImageID"


@dataclass(frozen=True, slots=True)
class ArchiveDigests:
    """The digests of the only image in an archive: of its manifest, which names the image, and of its configuration."""

    manifest: Digest
    config: Digest

    @classmethod
    def parse(cls, output: str) -> Self:
        """Return the digests that normalize_archive.py has printed.

        Raises:
            BuildFailed: if it printed anything else, or if the image is for another platform than the pipeline builds.
        """
        try:
            fields = json.loads(output)
            digests = cls(Digest.parse(fields["manifest"]), Digest.parse(fields["config"]))
            platform = fields["platform"]
        except (ValueError, KeyError, TypeError, AttributeError, InvalidDigest) as error:
            raise BuildFailed("the archive has no readable digests") from error
        if platform != PLATFORM:
            raise BuildFailed(f"the archive holds an image for {platform!s:.100}, but images are built for {PLATFORM}")
        return digests


def raise_if_other_image(sbom: str, config: Digest) -> None:
    """Raise if a bill of materials is not that of an image.

    Args:
        sbom: The CycloneDX document that Trivy wrote.
        config: The digest of the image's configuration.

    Raises:
        ScannerUnavailable: if the document names another image, or none.
    """
    try:
        properties = json.loads(sbom)["metadata"]["component"]["properties"]
        found = next(entry["value"] for entry in properties if entry["name"] == _IMAGE_ID)
    except (ValueError, KeyError, TypeError, StopIteration):
        found = "none"
    if found != str(config):
        raise ScannerUnavailable(f"the scanner read another image: {found!s:.100}, but the archive holds {config}")
