"""The checks of a release. ``stage`` and ``reports`` run this one list; a function of the module runs one of them."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import dagger
from dagger import dag

from stage_ci.adapters import checks, image, scanner
from stage_ci.adapters.scanner import Database
from stage_ci.adapters.services import LocalServers
from stage_ci.errors import StageError
from stage_ci.rules.checks import Report
from stage_ci.rules.smoke import SmokeTest
from stage_ci.steps.candidate import Candidate
from stage_ci.steps.gather import gather
from stage_ci.steps.remotes import select_database, uses_sample_database
from stage_ci.steps.request import ReleaseRequest, raise_if_empty


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked.

    Attributes:
        candidate: The image of the source, and the source.
        smoke_test: How the started image is tested.
        environment: Values for the tests' ``.env``, by name.
        database: Selects the vulnerability database of the scan.
    """

    candidate: Candidate
    smoke_test: SmokeTest
    environment: Mapping[str, dagger.Secret]
    database: Callable[[], Awaitable[Database]]

    @classmethod
    def of(
        cls,
        request: ReleaseRequest,
        source: dagger.Directory,
        addresses: list[str] | None,
        servers: LocalServers | None,
    ) -> Self:
        """Return what is checked in a release of ``source``.

        Args:
            request: The service that is released.
            source: Its source.
            addresses: The values of ``--trivy-db``.
            servers: The rehearsal whose registry serves the sample database; None if the public one is used.
        """
        database = partial(select_database, addresses or [], servers, request.credentials.registry_service)
        return cls(Candidate(source), request.smoke_test, request.variables, database)

    @property
    def source(self) -> dagger.Directory:
        """The service's source."""
        return self.candidate.source


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How a check ended.

    Attributes:
        report: The verdict: one line if the check holds, the error if it does not.
        output: Everything that the tools wrote, for a person.
        files: The files for people and other tools, such as ``junit.xml``.
        table: The findings where no log of the engine shows them; printed on standard error if the check fails.
    """

    report: Report
    output: str
    files: dagger.Directory
    table: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: Its name: the function's, and the row's in a summary.
        run: Runs it; raises a StageError if it could not run at all.
    """

    name: str
    run: Callable[[Subject], Awaitable[CheckResult]]

    async def require(self, subject: Subject) -> CheckResult:
        """Return the result of the check, which holds.

        Raises:
            StageError: if it does not hold, or could not run.
        """
        result = await self.run(subject)
        try:
            result.report.raise_if_failed()
        except StageError:
            # The error lists the first three findings; the full table goes to standard error.
            print(result.table, end="", file=sys.stderr)  # noqa: T201
            raise
        return result


async def run_alone(
    check: Check, request: ReleaseRequest, source: dagger.Directory, addresses: list[str] | None = None
) -> str:
    """Run one check that no release depends on, and return its output.

    Raises:
        StageError: if the check fails, or could not run.
    """
    return (await check.require(subject_alone(request, source, addresses))).output


def subject_alone(request: ReleaseRequest, source: dagger.Directory, addresses: list[str] | None) -> Subject:
    """Return what is checked outside of a release: the sample database serves only if ``addresses`` select it."""
    return Subject.of(request, source, addresses, request.local_servers() if uses_sample_database(addresses) else None)


async def _lint(subject: Subject) -> CheckResult:
    report = await checks.lint(subject.source)
    return CheckResult(report, report.text, dag.directory().with_new_file("lint.txt", report.text))


async def _test(subject: Subject) -> CheckResult:
    await raise_if_empty(subject.environment)
    report, files = await checks.test(subject.source, subject.environment)
    return CheckResult(report, report.output, files.with_new_file("test.txt", report.output))


async def _scan(subject: Subject) -> CheckResult:
    archive, database, suppressions = await gather(
        subject.candidate.archive(), subject.database(), scanner.suppressions(subject.source)
    )
    verdict, files = await scanner.scan(archive.file, database, suppressions)
    table = await files.file("scan.txt").contents()
    return CheckResult(verdict, f"{table}\n{verdict.summary}\n", files, table)


async def _secrets(subject: Subject) -> CheckResult:
    archive, suppressions = await gather(subject.candidate.archive(), scanner.suppressions(subject.source))
    report = await scanner.find_secrets(archive.file, suppressions.secrets)
    return CheckResult(report, report.text, dag.directory().with_new_file("secrets.txt", report.text), report.text)


async def _smoke(subject: Subject) -> CheckResult:
    report = await image.smoke((await subject.candidate.image()).container, subject.smoke_test)
    return CheckResult(report, report.output, dag.directory().with_new_file("smoke.txt", report.output))


LINT: Final = Check("lint", _lint)
TEST: Final = Check("test", _test)
SCAN: Final = Check("scan", _scan)
SECRETS: Final = Check("secrets", _secrets)
SMOKE: Final = Check("smoke", _smoke)
# Those of the image, which `publish` runs as well; and all, in the order of a summary.
IMAGE_CHECKS: Final = (SCAN, SECRETS, SMOKE)
CHECKS: Final = (LINT, TEST, *IMAGE_CHECKS)
