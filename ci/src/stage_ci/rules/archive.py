"""The index of an image archive: OCI image-layout, index.json."""

import json

from stage_ci.errors import BuildFailed, InvalidDigest
from stage_ci.rules.reference import Digest


def manifest_digest(index: str) -> Digest:
    """Return the digest of the only image in an archive.

    Args:
        index: The text of the archive's ``index.json``.

    Raises:
        BuildFailed: if the archive does not hold exactly one image.
    """
    try:
        (entry,) = json.loads(index)["manifests"]
        return Digest.parse(entry["digest"])
    except (ValueError, KeyError, TypeError, InvalidDigest) as error:
        raise BuildFailed("the archive does not hold exactly one image") from error
