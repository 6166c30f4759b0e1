"""What the tests of a deploy share: a manifest, where it lies, and one run that names a version in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.rules.release import Filename
from stage_ci.steps.deploy import Deployed, deploy
from stage_ci.steps.order import Line, Place

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

    from stage_ci.rules.reference import Digest

FILE: Final = Filename.parse("manifests/default/svm.yaml")
PLACE: Final = Place("main", FILE)
HEAD: Final = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: svm
spec:
  template:
    spec:
      containers:
"""


def manifest(*images: str) -> str:
    """Return a Deployment with a container for each image."""
    return HEAD + "".join(f"        - image: {image}\n" for image in images)


async def run(
    repository: GitRepository, service: Line, number: int, digest: Digest | None = None, *, place: Place = PLACE
) -> Deployed:
    """Deploy a version of the service as one run does."""
    return await deploy(Infrastructure(repository.url), place, service, service.versions.version(number), digest)
