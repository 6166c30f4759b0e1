"""The stage: all steps, in the order of docs/design.md."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack

import dagger

from stage_ci.rules.decisions import Deployment, MoveState
from stage_ci.rules.release import Outcome, Release
from stage_ci.steps.checks import CHECKS, CheckResult, Subject
from stage_ci.steps.deploy import Deployed, deploy, raise_if_undeployable
from stage_ci.steps.gather import gather, gather_all
from stage_ci.steps.publish import Published, publish
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ReleaseRequest, raise_if_empty


async def run_stage(
    request: ReleaseRequest, source: dagger.Directory, addresses: list[str] | None, *, allow_downgrade: bool
) -> Release:
    """Lint, test, build, scan, publish and deploy; skip what an earlier run of the same inputs has finished.

    Raises:
        StageError: the failure of a step, or MultipleFailures if several steps fail.
    """
    servers = request.servers()
    subject = Subject.of(request, source, addresses, servers)
    await gather(request.credentials.raise_if_empty(), raise_if_empty(request.variables))
    async with AsyncExitStack() as stack:
        results, remotes = await gather(
            gather_all(check.run_or_raise(subject) for check in CHECKS),
            open_remotes(request, connect(request, servers), stack),
        )
        published = await publish(*await subject.candidate.parts(), remotes, request.line)
        deployment = Deployment(request.line, published.version, published.digest, allow_downgrade)
        deployed = await deploy(remotes.infrastructure, request.manifest, deployment)
    return release(request, published, deployed, results, servers.name if servers else None)


async def open_remotes(
    request: ReleaseRequest, connecting: AbstractAsyncContextManager[Remotes], stack: AsyncExitStack
) -> Remotes:
    """Connect to the remotes, and raise before anything is published if the registry or the manifest cannot be used.

    Raises:
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
    """
    remotes = await stack.enter_async_context(connecting)
    await gather(remotes.registry.tags(), raise_if_undeployable(remotes.infrastructure, request.manifest, request.line))
    return remotes


def release(
    request: ReleaseRequest,
    published: Published,
    deployed: Deployed,
    results: list[CheckResult],
    rehearsal: str | None,
) -> Release:
    """Return the result of a stage."""
    return Release(
        repository=request.line.repository,
        version=published.version,
        digest=published.digest,
        commit=deployed.commit,
        manifest=request.manifest.filename,
        outcome=outcome(published, deployed),
        deployed=deployed.move.lines(request.manifest.filename),
        checks={check.name: result.report.summary for check, result in zip(CHECKS, results, strict=True)},
        rehearsal=rehearsal,
    )


def outcome(published: Published, deployed: Deployed) -> Outcome:
    """Return the outcome of a stage from the publication and the deployment."""
    match deployed.move.state:
        case MoveState.SUPERSEDED:
            return Outcome.SUPERSEDED
        case MoveState.HELD:
            return Outcome.HELD
        case MoveState.UNCHANGED if not published.pushed:
            return Outcome.ALREADY_RELEASED
        case _:
            return Outcome.RELEASED
