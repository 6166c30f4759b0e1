"""Every image and tool the pipeline depends on, in one place.

Images are named as the public registries name them. Raise a pin here, then run ``make test``.
"""

from typing import Final

# Where black, flake8, isort, pytest and the helper programs run: the interpreter of the service's own image.
PYTHON: Final = "python:3.11-slim"
# The embedded registry: the reference implementation of the OCI distribution specification.
REGISTRY: Final = "registry:3.0.0"
# Copies an archive into a registry without changing its digests.
SKOPEO: Final = "quay.io/skopeo/stable:v1.20.0"
# 0.69.4 to 0.69.6 were compromised (CVE-2026-33634).
TRIVY: Final = "aquasec/trivy:0.74.0"

# With all that they need, and with digests, in adapters/locks/, which `make lock` writes from these.
LINTERS: Final = ("black==26.10.1", "flake8==7.5.0", "isort==9.0.2")
# Added where a source brings no requirements.dev of its own.
TEST_TOOLS: Final = ("pytest==9.2.0", "pytest-cov==7.1.0")

# Trivy's own mirrors, in the order they are asked: https://trivy.dev/latest/docs/configuration/db/
DATABASES: Final = ("mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2")
