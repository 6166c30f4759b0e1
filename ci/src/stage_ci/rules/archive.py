"""What an image archive says of itself: OCI image-layout, index.json."""

import json

from stage_ci.errors import BuildFailed, InvalidDigest
from stage_ci.rules.reference import Digest


def manifest_digest(index: str) -> Digest:
    """Return the digest of the one image in an archive, out of the text of its ``index.json``.

    Raises:
        BuildFailed: if the archive does not hold exactly one image.
    """
    try:
        (entry,) = json.loads(index)["manifests"]
        return Digest.parse(entry["digest"])
    except (ValueError, KeyError, TypeError, InvalidDigest) as error:
        raise BuildFailed("the archive does not hold exactly one image") from error
