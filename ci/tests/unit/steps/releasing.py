"""What the tests of a whole release share: one run that claims, publishes and deploys.

As a program, it is a run that a test can kill: `python -m tests.unit.steps.releasing REGISTRY REPOSITORY TOKEN DIGEST`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import anyio
from tests.unit.steps.deploying import LOCATION

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.decisions import Deployment
from stage_ci.rules.record import Record
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.steps.deploy import Deployed, deploy, raise_if_undeployable
from stage_ci.steps.publish import claim, write_tag
from stage_ci.steps.remotes import Remotes

if TYPE_CHECKING:
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.revision import Revision
    from stage_ci.rules.version import Version

MINE: Final = InputDigest.of("mine", {})
# The digest of an image that is in no registry.
PUSHED: Final = Digest.parse("sha256:" + "f" * 64)
LINE: Final = ReleaseLine.parse("owner/service", "v1.0")


def push(server: RegistryServer, tag: str, inputs: InputDigest = MINE) -> Digest:
    """Push an image with the label of ``inputs``, which anybody can copy; return its digest."""
    return Digest.parse(server.push(tag, ci_stage_inputs=str(inputs)))


def record(line: ReleaseLine, digest: Digest) -> Record:
    """Return the record of v1.0.1 of MINE."""
    return Record(line.repository, line.versions.version(1), digest, MINE)


def push_untagged(server: RegistryServer) -> Digest:
    """Write the image of MINE to the registry, as the push of its archive does, and return its digest."""
    pushed = push(server, "untagged")
    del server.tags["untagged"]
    return pushed


async def release(  # noqa: PLR0913 - what differs between the tests
    remotes: Remotes,
    line: ReleaseLine,
    pushed: Digest,
    *,
    allow_downgrade: bool = False,
    inputs: InputDigest = MINE,
    revision: Revision | None = None,
) -> tuple[Version, Digest, Deployed]:
    """Release ``inputs`` as a stage does, with an image that the registry holds already."""
    await raise_if_undeployable(remotes.infrastructure, LOCATION, line)
    version, recorded = await claim(inputs, pushed, remotes, line)
    if recorded is None:
        published = await write_tag(Record(line.repository, version, pushed, inputs, revision), remotes, line)
        assert published
        recorded = published.record
    digest = recorded.digest
    deployment = Deployment(line, version, digest, allow_downgrade, revision)
    return version, digest, await deploy(remotes.infrastructure, LOCATION, deployment)


async def main(*arguments: str) -> None:
    """Release MINE to the servers that the arguments name."""
    registry_url, repository_url, token, pushed = arguments
    async with Registry(registry_url, LINE.repository.path) as registry:
        remotes = Remotes(registry, Infrastructure(repository_url, token), Destination("127.0.0.1"))
        await release(remotes, LINE, Digest.parse(pushed))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
