"""What the tests of a deploy share: a manifest, its location, and one run that moves it to a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.rules.decisions import Deployment
from stage_ci.rules.release import Filename
from stage_ci.steps.deploy import Deployed, deploy
from stage_ci.steps.request import ManifestLocation

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

    from stage_ci.rules.reference import Digest
    from stage_ci.rules.release import ReleaseLine

FILE: Final = Filename.parse("manifests/default/svm.yaml")
LOCATION: Final = ManifestLocation("main", FILE)
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
    allow_downgrade: bool = False,
) -> Deployed:
    """Deploy a version of the line as one run does."""
    deployment = Deployment(line, line.versions.version(number), digest, allow_downgrade)
    return await deploy(Infrastructure(repository.url), LOCATION, deployment)
