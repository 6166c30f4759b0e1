"""The whole chain, in the order of docs/design.md."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

import dagger

from stage_ci.adapters import checks
from stage_ci.adapters.services import Embedded
from stage_ci.errors import MissingCredential
from stage_ci.rules.checks import LintReport, TestReport
from stage_ci.rules.release import Outcome, Release
from stage_ci.steps.candidate import candidate
from stage_ci.steps.deploy import Deployed, deploy, require_editable
from stage_ci.steps.gather import gather
from stage_ci.steps.publish import Published, publish
from stage_ci.steps.remotes import Access, Remotes, connect, database
from stage_ci.steps.request import ReleaseRequest, StageRequest

# The variables that the service reads, as its settings name them.
ENVIRONMENT: Final = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MODEL_URI", "EXPERIMENT_NAME")


async def stage(order: StageRequest, access: Access, embedded: Embedded | None) -> Release:
    """Lint, test, build, scan, publish and deploy; what an earlier run has done is not done again.

    Raises:
        StageError: the first thing that forbids the release, or all of them.
    """
    await access.require_values()
    async with AsyncExitStack() as stack:
        linted, tested, fit, remotes = await gather(
            lint(order.source),
            test(order.source, order.environment),
            candidate(order.source, database(order.databases, embedded, access.registry_service), order.trial),
            ready(order, connect(access, embedded, order.line.repository, order.infra_repo), stack),
        )
        published = await publish(fit, remotes, order.line)
        deployed = await deploy(remotes.infrastructure, order.place, order.line, published.version, published.digest)
    told = {
        "lint": linted.summary,
        "test": tested.summary,
        "scan": fit.scan.verdict.summary,
        "smoke": fit.answers.strip().splitlines()[-1],
    }
    return release(order, published, deployed, told, embedded.name if embedded else None)


async def ready(order: ReleaseRequest, opening: AbstractAsyncContextManager[Remotes], stack: AsyncExitStack) -> Remotes:
    """Return the outside, after its registry gave its tags and its manifest was found fit to be edited.

    Raises:
        RegistryError: if the registry refuses or fails.
        InfrastructureError: if the infrastructure repository refuses or fails.
        ManifestError: if the manifest cannot be edited.
    """
    remotes = await stack.enter_async_context(opening)
    await gather(remotes.registry.tags(), require_editable(remotes.infrastructure, order.place, order.line))
    return remotes


def release(
    order: ReleaseRequest, published: Published, deployed: Deployed, told: Mapping[str, str], rehearsal: str | None
) -> Release:
    """Return what a stage has come to."""
    if deployed.superseded_by:
        outcome = Outcome.SUPERSEDED
    elif deployed.all_held:
        outcome = Outcome.HELD
    elif published.pushed or deployed.changes:
        outcome = Outcome.RELEASED
    else:
        outcome = Outcome.ALREADY_RELEASED
    return Release(
        repository=order.line.repository,
        version=published.version,
        digest=published.digest,
        commit=deployed.commit,
        manifest=order.place.filename,
        outcome=outcome,
        deployed=deployed.lines(order.place.filename),
        checks=told,
        rehearsal=rehearsal,
    )


async def lint(source: dagger.Directory) -> LintReport:
    """Return what the linters said, all of them content.

    Raises:
        LintFailed: if one has findings.
        NothingToCheck: if there was nothing to look at.
    """
    report = await checks.lint(source)
    report.raise_if_failed()
    return report


async def test(source: dagger.Directory, environment: Mapping[str, dagger.Secret]) -> TestReport:
    """Return how the unit tests ended, all of them passed.

    Raises:
        TestsFailed: if one failed.
        NothingToCheck: if none was collected.
    """
    report = (await checks.test(source, environment)).report
    report.raise_if_failed()
    return report


async def environment(*secrets: dagger.Secret | None) -> dict[str, dagger.Secret]:
    """Return the values for the tests' ``.env`` that were given, by the name of their variable.

    Args:
        secrets: One for each of ``ENVIRONMENT``, in its order; None for what was not given.

    Raises:
        MissingCredential: if one is empty; names it.
    """
    given = {name: secret for name, secret in zip(ENVIRONMENT, secrets, strict=True) if secret is not None}
    for name, secret in given.items():
        if not await secret.plaintext():
            raise MissingCredential(f"{name} is empty", remedy="give a value, or leave the flag out")
    return given
