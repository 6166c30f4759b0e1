"""What the tests of a whole release share: one run that claims, publishes and deploys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.unit.steps.deploying import LOCATION

from stage_ci.rules.claim import InputDigest
from stage_ci.rules.decisions import Deployment
from stage_ci.rules.reference import Digest
from stage_ci.steps.deploy import Deployed, deploy, raise_if_undeployable
from stage_ci.steps.publish import claim, write_tag

if TYPE_CHECKING:
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.release import ReleaseLine
    from stage_ci.rules.version import Version
    from stage_ci.steps.remotes import Remotes

MINE: Final = InputDigest.of("mine", {})


async def release(
    remotes: Remotes, line: ReleaseLine, server: RegistryServer, *, allow_downgrade: bool = False
) -> tuple[Version, Digest, Deployed]:
    """Release MINE as a stage does, with the registry's own write in place of the push of an archive."""
    await raise_if_undeployable(remotes.infrastructure, LOCATION, line)
    version, digest = await claim(MINE, remotes, line)
    if digest is None:
        pushed = Digest.parse(server.push("untagged", ci_stage_inputs=str(MINE)))
        del server.tags["untagged"]
        published = await write_tag(pushed, MINE, version, remotes, line)
        assert published
        digest = published.digest
    deployment = Deployment(line, version, digest, allow_downgrade)
    return version, digest, await deploy(remotes.infrastructure, LOCATION, deployment)
