"""What the tests of a deploy share: a manifest, where it lies, and one run that names a version in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.rules.release import Filename
from stage_ci.steps.deploy import Deployed, deploy
from stage_ci.steps.request import ManifestLocation, ReleaseLine

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

    from stage_ci.rules.reference import Digest

FILE: Final = Filename.parse("manifests/default/svm.yaml")
PLACE: Final = ManifestLocation("main", FILE)
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
    repository: GitRepository,
    line: ReleaseLine,
    number: int,
    digest: Digest | None = None,
    *,
    place: ManifestLocation = PLACE,
) -> Deployed:
    """Deploy a version of the line as one run does."""
    return await deploy(Infrastructure(repository.url), place, line, line.versions.version(number), digest)
