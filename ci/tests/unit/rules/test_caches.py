"""The cache mounts of Dockerfiles, which each image has for itself."""

import pytest

from stage_ci.rules.dockerfile import cache_argument
from stage_ci.rules.reference import Repository

pytestmark = pytest.mark.fault(54)


def mount(image: str, mount_id: str) -> str:
    """Return what BuildKit finds a cache mount by: the argument, a slash and the mount's ID."""
    (namespace,) = cache_argument(Repository.parse(image)).values()
    return f"{namespace}/{mount_id}"


def test_an_image_keeps_its_cache_mounts() -> None:
    """Builds of one image find the mounts of its earlier builds, however its name is spelled."""
    assert mount("owner/service", "/root/.cache") == mount("docker.io/owner/service", "/root/.cache")
    assert mount("GHCR.io/owner/service", "x") == mount("ghcr.io:443/owner/service", "x")
    assert list(cache_argument(Repository.parse("owner/service"))) == ["BUILDKIT_CACHE_MOUNT_NS"]


@pytest.mark.parametrize(
    ("image", "mount_id"),
    [
        ("owner/service2", "/root/.cache"),
        ("ghcr.io/owner/service", "/root/.cache"),
        ("owner", "service//root/.cache"),
        ("owner/service/other", "/root/.cache"),
        ("owner/service", "/root/.cache/pip"),
    ],
)
def test_no_other_image_has_the_same_mount(image: str, mount_id: str) -> None:
    """Another image has another mount of the same ID, also if the two names and IDs join to the same text."""
    assert mount(image, mount_id) != mount("owner/service", "/root/.cache")
    assert mount("owner/service", "other//root/.cache") != mount("owner/service/other", "/root/.cache")
