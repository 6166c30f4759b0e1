"""The checks of a release. ``stage`` and ``reports`` run all of them; the function of a check runs that one."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

import dagger
from dagger import dag

from stage_ci.adapters import image, linters, scanner, unit_tests
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.once import Once
from stage_ci.adapters.scanner import Database, Download, JavaDatabase, Suppressions
from stage_ci.adapters.services import LocalServers
from stage_ci.adapters.source import Source
from stage_ci.errors import StageError
from stage_ci.rules.checks import Report
from stage_ci.rules.smoke import SmokeTest
from stage_ci.rules.verdict import Verdict
from stage_ci.steps.candidate import Candidate
from stage_ci.steps.progress import Progress
from stage_ci.steps.remotes import select_database, uses_sample_database
from stage_ci.steps.request import ReleaseRequest, without_line_breaks


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks examine.

    Attributes:
        candidate: The source and its image.
        smoke_test: The smoke test of the image.
        environment: Reads the values for the tests' ``.env``, by name.
        database: Downloads the vulnerability database of the scan.
        suppressions: Reads the findings that the source suppresses.
        progress: Records how long each check takes.
        java: The Java database of the scan.
        only: The tests to run; empty for all.
    """

    candidate: Candidate
    smoke_test: SmokeTest
    environment: Once[dict[str, dagger.Secret]]
    database: Once[Download]
    suppressions: Once[Suppressions]
    progress: Progress
    java: JavaDatabase
    only: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        request: ReleaseRequest,
        source: dagger.Directory,
        servers: LocalServers | None,
        progress: Progress,
    ) -> Self:
        """Return the subject of a release of ``source``.

        Args:
            request: The service to release.
            source: The service's source.
            servers: The rehearsal whose registry may serve the sample database; None for the public database.
            progress: Records how long each check takes.
        """
        files = Source(source)
        suppressions = Once(partial(scanner.suppressions, files))
        selected = partial(select_database, request.databases, servers, request.credentials.registry_service)
        database = Once(partial(_download, selected, suppressions, progress))
        candidate, smoke_test = Candidate(files, request.line.repository, progress), request.smoke_test
        addresses = request.java_databases
        java = JavaDatabase(addresses, request.credentials.registry_service if addresses else None)
        environment = Once(partial(without_line_breaks, request.variables))
        return cls(candidate, smoke_test, environment, database, suppressions, progress, java)

    @property
    def source(self) -> Source:
        """The service's source."""
        return self.candidate.source


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        report: One line if the check passes, the error if it fails.
        files: The report files, such as ``junit.xml``.
        output: The names of those that are the whole output of the tools.
        table: The one with the findings, printed on standard error if the check fails; empty if the engine's log shows
            them.
        conclusion: The last line of the output, if no file has it.
    """

    report: Report
    files: dagger.Directory
    output: Sequence[str]
    table: str = ""
    conclusion: str = ""

    async def text(self) -> str:
        """Return the whole output of the tools."""
        texts = await gather_all(self.files.file(name).contents() for name in self.output)
        return "".join(texts) + self.conclusion

    async def raise_if_failed(self) -> None:
        """Raise if the check failed, after its findings were printed on standard error.

        Raises:
            StageError: if the check failed.
        """
        try:
            self.report.raise_if_failed()
        except StageError:
            # The error lists the first three findings; the full table goes to standard error.
            if self.table:
                print(await self.files.file(self.table).contents(), end="", file=sys.stderr)  # noqa: T201
            raise


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: The name of the module's function and of the row in a summary.
        run: Runs the check; raises a StageError if it cannot run.
    """

    name: str
    run: Callable[[Subject], Awaitable[CheckResult]]

    async def run_or_raise(self, subject: Subject) -> CheckResult:
        """Run the check and return its result if it passes.

        Raises:
            StageError: if it fails, or cannot run.
        """
        result = await self.run(subject)
        await result.raise_if_failed()
        return result


async def run_alone(
    check: Check,
    request: ReleaseRequest,
    source: dagger.Directory,
    only: Sequence[str] | None = None,
) -> str:
    """Run one check outside of a release and return its output.

    Raises:
        StageError: if it fails, or cannot run.
    """
    subject = replace(subject_alone(request, source), only=only or ())
    return await (await check.run_or_raise(subject)).text()


def subject_alone(request: ReleaseRequest, source: dagger.Directory) -> Subject:
    """Return the subject outside of a release, which uses the sample database only if the request selects it."""
    servers = request.local_servers() if uses_sample_database(request.databases) else None
    return Subject.of(request, source, servers, Progress())


async def _lint(subject: Subject) -> CheckResult:
    with subject.progress.span("lint"):
        report = await linters.lint(subject.source)
    return CheckResult(report, dag.directory().with_new_file("lint.txt", report.text), ["lint.txt"])


async def _test(subject: Subject) -> CheckResult:
    environment = await subject.environment()
    with subject.progress.span("test"):
        report, files, output = await unit_tests.test(subject.source, environment, subject.only)
    return CheckResult(report, files, output)


async def _coverage(subject: Subject) -> CheckResult:
    environment = await subject.environment()
    with subject.progress.span("coverage"):
        report, files = await unit_tests.coverage(subject.source, environment)
    return CheckResult(report, files, [])


async def _scan(subject: Subject) -> CheckResult:
    archive, database, suppressions = await gather(
        subject.candidate.archive(), subject.database(), subject.suppressions()
    )
    with subject.progress.span("scan"):
        sbom = await scanner.sbom(archive.file, subject.java)
        verdict, files = await scanner.scan(sbom, database, suppressions, archive.config)
    return scan_result(verdict, files)


def scan_result(verdict: Verdict, files: dagger.Directory) -> CheckResult:
    """Return the result of a scan."""
    return CheckResult(verdict, files, ["scan.txt"], table="scan.txt", conclusion=f"\n{verdict.summary}\n")


async def _download(
    select: Callable[[], Awaitable[Database]], suppressions: Once[Suppressions], progress: Progress
) -> Download:
    selected, known = await gather(select(), suppressions())
    with progress.span("database"):
        return await scanner.download(selected, known.today)


async def _secrets(subject: Subject) -> CheckResult:
    archive, suppressions = await gather(subject.candidate.archive(), subject.suppressions())
    with subject.progress.span("secrets"):
        report = await scanner.find_secrets(archive.file, suppressions.secrets)
    files = dag.directory().with_new_file("secrets.txt", report.text)
    return CheckResult(report, files, ["secrets.txt"], table="secrets.txt")


async def _smoke(subject: Subject) -> CheckResult:
    built = await subject.candidate.image()
    with subject.progress.span("smoke"):
        report = await image.smoke(built.container, subject.smoke_test)
    return CheckResult(report, dag.directory().with_new_file("smoke.txt", report.output), ["smoke.txt"])


LINT: Final = Check("lint", _lint)
TEST: Final = Check("test", _test)
SCAN: Final = Check("scan", _scan)
SECRETS: Final = Check("secrets", _secrets)
SMOKE: Final = Check("smoke", _smoke)
# The checks of the image, which `publish` runs as well.
IMAGE_CHECKS: Final = (SCAN, SECRETS, SMOKE)
# In the order of the rows in a summary.
CHECKS: Final = (LINT, TEST, *IMAGE_CHECKS)
# No release waits for it; only `reports` runs it.
COVERAGE: Final = Check("coverage", _coverage)
