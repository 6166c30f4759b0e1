"""The cache mounts of Dockerfiles: https://docs.docker.com/reference/dockerfile/#run---mounttypecache."""

import hashlib

from stage_ci.rules.reference import Repository


def cache_argument(repository: Repository) -> dict[str, str]:
    """Return the build argument that gives an image cache mounts of its own.

    Without it, mounts of equal ID or target are one folder for the Dockerfiles of all images, so that one could change
    what another one reads (https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args). BuildKit puts a
    slash and the ID behind the argument, and the name of an image may continue that of another one in the same way;
    digests of names do not.

    Args:
        repository: The image's name.
    """
    return {"BUILDKIT_CACHE_MOUNT_NS": hashlib.sha256(str(repository).encode()).hexdigest()}
