"""The index of an image archive."""

import json

import pytest

from stage_ci.errors import BuildFailed
from stage_ci.rules.archive import manifest_digest

DIGEST = f"sha256:{'a' * 64}"
ENTRY = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 481}


def test_the_digest_of_the_only_image_is_returned() -> None:
    """The index of an archive for one platform, as `docker buildx` and Dagger write it, yields the entry's digest."""
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
def test_an_index_without_exactly_one_image_is_rejected(index: str) -> None:
    """An index that is unreadable, empty or has several images fails the build."""
    with pytest.raises(BuildFailed, match="does not hold exactly one image"):
        manifest_digest(index)
