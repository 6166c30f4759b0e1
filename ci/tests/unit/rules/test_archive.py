"""What an image archive says of itself."""

import json

import pytest

from stage_ci.errors import BuildFailed
from stage_ci.rules.archive import manifest_digest

DIGEST = f"sha256:{'a' * 64}"
ENTRY = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 481}


def test_the_digest_of_the_one_image_is_that_of_its_entry() -> None:
    """As `docker buildx` and Dagger write an archive of one platform."""
    assert str(manifest_digest(json.dumps({"schemaVersion": 2, "manifests": [ENTRY]}))) == DIGEST


@pytest.mark.parametrize(
    "index",
    [
        "",
        "tar: index.json: Not found in archive",
        "[]",
        "null",
        "7",
        "{}",
        '{"manifests": null}',
        '{"manifests": []}',
        '{"manifests": [{}]}',
        '{"manifests": [null]}',
        '{"manifests": [{"digest": null}]}',
        '{"manifests": [{"digest": "sha256:abc"}]}',
        '{"manifests": {"digest": "sha256:abc"}}',
        json.dumps({"manifests": [ENTRY, ENTRY]}),
        json.dumps({"manifests": [ENTRY | {"digest": DIGEST.upper()}]}),
    ],
)
def test_anything_but_exactly_one_image_is_a_failed_build(index: str) -> None:
    """What is pushed has to be what was scanned: with none or two that cannot be said."""
    with pytest.raises(BuildFailed, match="does not hold exactly one image"):
        manifest_digest(index)
