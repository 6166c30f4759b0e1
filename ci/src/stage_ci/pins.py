"""Every image and tool the pipeline depends on, in one place.

Images are named as the public registries name them, with the digest of the image index, which holds all platforms: what
``crane digest NAME`` or ``docker buildx imagetools inspect NAME`` prints. Raise a pin here, then run ``make test``.
"""

from typing import Final

# Runs the linters, pytest and the helper programs; the same interpreter as in the service's image.
PYTHON: Final = "python:3.11-slim@sha256:1042b61448fef4ba92d16a8c7eb4996d027568ce64792a7877fd88511e0af7c6"
# The registry of a rehearsal: the reference implementation of the OCI distribution specification.
REGISTRY: Final = "registry:3.0.0@sha256:6c5666b861f3505b116bb9aa9b25175e71210414bd010d92035ff64018f9457e"
# Copies an archive into a registry without changing its digests.
SKOPEO: Final = "quay.io/skopeo/stable:v1.20.0@sha256:47853bb9fb24202af9110531ebd6e43c5f97701254ca290596640290d17942f4"
# 0.69.4 to 0.69.6 were compromised (CVE-2026-33634).
TRIVY: Final = "aquasec/trivy:0.74.0@sha256:62b1e65e8869bc4b4c6aa4fa2b21595256c7c2f6018a9d9ad61caf87187c1969"

# `make lock` resolves these into adapters/locks/linters.requirements, with all dependencies and their digests.
LINTERS: Final = ("black==26.10.1", "flake8==7.5.0", "isort==9.0.2")
# Signs and verifies evidence without a key; `make lock` resolves it into adapters/locks/sigstore.requirements.
SIGSTORE: Final = "sigstore==4.5.1"
# Installed if the requirements of the source install no version of them.
TEST_TOOLS: Final = ("pytest==9.2.0", "pytest-cov==7.1.0")

# Trivy's own mirrors, in the order in which they are tried: https://trivy.dev/latest/docs/configuration/db/
DATABASES: Final = ("mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2")
