"""Shows what a stage would do, and changes nothing."""

from typing import Final

import dagger

from stage_ci.adapters import image
from stage_ci.adapters.gather import gather
from stage_ci.adapters.source import Source
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.decisions import UNKNOWN_DIGEST, Deployment, MoveState, VersionState
from stage_ci.rules.manifest import diff
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.steps.deploy import decide
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ManifestLocation, ReleaseRequest
from stage_ci.steps.version import resolve_version

_UNCHANGED: Final = "the manifest names this version already: nothing to commit"
_HEADLINES: Final = {
    VersionState.NEW: "Would claim and publish",
    VersionState.CLAIMED: "Claimed before; would publish",
    VersionState.PUBLISHED: "Already released",
}


async def plan_stage(request: ReleaseRequest, source: dagger.Directory, *, allow_downgrade: bool) -> str:
    """Return what a stage of ``source`` would do.

    Raises:
        InvalidInput: if the source has no Dockerfile, or if it has no base image.
        StageError: as ``make_plan``.
    """
    servers = request.servers()
    async with connect(request, servers) as remotes:
        given = Source(source)
        context, names = await gather(image.context(given), image.base_names(given))
        inputs = (await image.inputs(names, context)).digest
        plan = await make_plan(
            inputs,
            remotes,
            request.line,
            request.manifest,
            allow_downgrade=allow_downgrade,
            revision=request.revision,
        )
    return f"Rehearsal {servers.name!r}: nothing would leave this machine\n{plan}" if servers else plan


async def make_plan(  # noqa: PLR0913 - the parts of a request
    inputs: InputDigest,
    remotes: Remotes,
    line: ReleaseLine,
    manifest: ManifestLocation,
    *,
    allow_downgrade: bool,
    revision: Revision | None = None,
) -> str:
    """Return what a stage of ``inputs`` would do: the version it would take and the manifest's diff.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    decision, snapshot = await gather(
        resolve_version(inputs, remotes, line),
        remotes.infrastructure.snapshot(manifest.branch, str(manifest.filename)),
    )
    before = snapshot.read(str(manifest.filename))
    digest = decision.record.digest if decision.record else UNKNOWN_DIGEST
    deployment = Deployment(line, decision.version, digest, allow_downgrade, revision)
    move = await decide(before, remotes.infrastructure, manifest.filename, deployment)
    lines = [f"{_HEADLINES[decision.state]} {line.repository}:{decision.version}", f"inputs {inputs}"]
    lines += move.reasons(manifest.filename)
    if move.state is MoveState.MOVED:
        lines.append(diff(before, move.content, filename=str(manifest.filename)).rstrip("\n"))
    elif move.state is MoveState.UNCHANGED:
        lines += [] if move.held else [_UNCHANGED]
    lines += move.left_lines(manifest.filename)
    return "\n".join(lines).replace(str(UNKNOWN_DIGEST), "sha256:(known after the push)") + "\n"
