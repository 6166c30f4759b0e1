"""Finds the version of a set of inputs in the current state of the registry and the infrastructure repository."""

from stage_ci.adapters.gather import gather
from stage_ci.adapters.git_objects import claim_object
from stage_ci.adapters.registry import Registry
from stage_ci.errors import InvalidVersion
from stage_ci.rules.claim import Claims, InputDigest, claim_prefix, claim_text
from stage_ci.rules.decisions import VersionDecision, decide_version
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.version import Version
from stage_ci.steps.remotes import Remotes, connect, connect_registry
from stage_ci.steps.request import ReleaseRequest


async def resolve_version(inputs: InputDigest | None, remotes: Remotes, line: ReleaseLine) -> VersionDecision:
    """Return the version for ``inputs``; for None, the version for inputs that were never released.

    Raises:
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    refs, tags = await gather(remotes.infrastructure.refs(claim_prefix(line.repository)), remotes.registry.tags())
    claims = Claims.read(refs, line.repository, line.versions)
    claimed = claims.claimed_with(claim_object(claim_text(line.repository, inputs))) if inputs else None
    tagged = claimed is not None and str(claimed) in tags
    is_foreign = tagged and await image_inputs(str(claimed), remotes.registry) != inputs
    return decide_version(line.versions, tags, claims, claimed, is_foreign=is_foreign)


async def next_version(request: ReleaseRequest) -> str:
    """Return the version that the next release of new inputs gets.

    Raises:
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    async with connect(request, request.selected_servers()) as remotes:
        return str((await resolve_version(None, remotes, request.line)).version)


async def latest_version(request: ReleaseRequest) -> str:
    """Return the highest version of the line in the registry; empty if there is none.

    Raises:
        RegistryError: if the registry denies access or fails.
    """
    async with connect_registry(request, request.selected_servers()) as registry:
        return str(max(request.line.versions.select(await registry.tags()), default=""))


async def image_inputs(reference: str, registry: Registry) -> InputDigest | None:
    """Return the inputs in the label of the image under a tag or digest; None if the label is missing or invalid."""
    return InputDigest.read(await registry.labels(reference) or {})


async def published_digest(registry: Registry, version: Version) -> Digest:
    """Return the digest of a version in the registry.

    Raises:
        InvalidVersion: if it is not in the registry.
    """
    digest = await registry.digest(str(version))
    if digest is None:
        raise InvalidVersion(
            f"{version} is not in the registry",
            step="deploy",
            remedy="publish it first, or give a published version; `latest-version` prints the highest",
        )
    return digest
