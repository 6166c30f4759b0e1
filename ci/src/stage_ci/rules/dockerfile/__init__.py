"""Dockerfiles, read as BuildKit reads them: which images a build starts from, copies from, or is run by.

Reference: https://docs.docker.com/reference/dockerfile/. Where it is silent, the rules are those of the engine's parser
(https://github.com/dagger/dagger/tree/v0.19.10/internal/buildkit/frontend/dockerfile). What a newer BuildKit
(https://github.com/moby/buildkit/tree/v0.26.0/frontend/dockerfile) reads differently is rejected.
"""

from stage_ci.rules.dockerfile.caches import cache_argument
from stage_ci.rules.dockerfile.images import base_images
from stage_ci.rules.dockerfile.platform import BUILD_ARGUMENTS, PLATFORM, raise_if_other_image

__all__ = ["BUILD_ARGUMENTS", "PLATFORM", "base_images", "cache_argument", "raise_if_other_image"]
