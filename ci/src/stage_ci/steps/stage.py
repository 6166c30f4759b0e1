"""The stage: all steps, in the order of docs/design.md."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import dagger

from stage_ci.adapters.gather import gather, gather_all
from stage_ci.rules.decisions import Deployment, MoveState
from stage_ci.rules.release import Outcome, Release, renderer
from stage_ci.rules.timeline import Span
from stage_ci.steps.checks import CHECKS, Subject
from stage_ci.steps.deploy import Deployed, deploy, raise_if_undeployable
from stage_ci.steps.progress import FailedFast, Progress
from stage_ci.steps.publish import Publication, Published, publish
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ReleaseRequest


@dataclass(frozen=True, slots=True)
class StageOptions:
    """How a stage runs.

    Attributes:
        allow_downgrade: Whether the manifest may move back to an older version.
        fail_fast: Whether the first failure ends the run.
        format: How the release is printed: ``text`` or ``json``.
    """

    allow_downgrade: bool
    fail_fast: bool
    format: str


async def stage_source(request: ReleaseRequest, source: dagger.Directory, options: StageOptions) -> str:
    """Lint, test, build, scan, publish and deploy; skip what an earlier run of the same inputs has finished.

    The first failure is printed when it happens. Returns the release in the format of ``options``.

    Raises:
        InvalidInput: if the format is unknown.
        StageError: the failure of a step, or MultipleFailures if several steps fail. With ``fail_fast``, the first
            failure, which cancels the other steps.
    """
    render = renderer(options.format)
    servers, progress = request.servers(), Progress(fail_fast=options.fail_fast)
    subject = Subject.of(request, source, servers, progress)
    await gather(request.credentials.raise_if_empty(), subject.environment(), request.signing.signer())
    async with AsyncExitStack() as stack:
        try:
            passed, remotes = await gather(
                gather_all(progress.watch(check.run_or_raise(subject)) for check in CHECKS),
                progress.watch(open_remotes(request, connect(request, servers), stack, progress)),
            )
        except FailedFast as failed:
            raise failed.failure from None
        results = dict(zip(CHECKS, passed, strict=True))
        publication = await Publication.of(subject, results, request, remotes)
        published = await publish(publication, remotes, request.line, progress)
        version, digest = published.version, published.digest
        deployment = Deployment(request.line, version, digest, options.allow_downgrade, request.revision)
        with progress.span("deploy"):
            deployed = await deploy(remotes.infrastructure, request.manifest, deployment)
    summaries = {check.name: result.report.summary for check, result in results.items()}
    return render(release(request, published, deployed, summaries, progress.spans))


async def open_remotes(
    request: ReleaseRequest, connecting: AbstractAsyncContextManager[Remotes], stack: AsyncExitStack, progress: Progress
) -> Remotes:
    """Connect to the remotes, and raise before anything is published if the registry or the manifest cannot be used.

    Raises:
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
    """
    with progress.span("connect"):
        remotes = await stack.enter_async_context(connecting)
    with progress.span("preflight"):
        await gather(
            remotes.registry.tags(), raise_if_undeployable(remotes.infrastructure, request.manifest, request.line)
        )
    return remotes


def release(
    request: ReleaseRequest,
    published: Published,
    deployed: Deployed,
    checks: Mapping[str, str],
    timeline: Sequence[Span],
) -> Release:
    """Return the result of a stage."""
    servers = request.servers()
    return Release(
        repository=request.line.repository,
        version=published.version,
        digest=published.digest,
        commit=deployed.commit,
        manifest=request.manifest.filename,
        outcome=outcome(published, deployed),
        deployed=deployed.move.lines(request.manifest.filename),
        left=deployed.move.left_lines(request.manifest.filename),
        checks=checks,
        timeline=timeline,
        rehearsal=servers.name if servers else None,
        revision=request.revision,
        evidence=published.record.evidence,
        signer=published.record.signer,
        replaced=published.replaced,
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
