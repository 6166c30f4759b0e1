"""Runs the linters and the unit tests; rules/checks.py interprets their exit codes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, run, step
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.programs import program
from stage_ci.rules.checks import LintReport, TestReport, ToolRun, started_at
from stage_ci.rules.requirement_file import missing_requirements

REPORTS: Final = "/reports"
# The seconds after which a test run is killed, so that a hanging test cannot block a release.
TEST_LIMIT: Final = 900

_FLAKE8: Final = ["--max-line-length=110", "--extend-ignore=E203"]
_LINTERS: Final = {
    "black": ["black", "--check", "--diff", "--quiet", "."],
    "flake8": ["flake8", *_FLAKE8, "."],
    "isort": ["isort", "--check-only", "--diff", "--profile=black", "."],
}


@step("lint")
async def lint(source: dagger.Directory) -> LintReport:
    """Run black, flake8 and isort on ``source``, all three in any case, and return their report."""
    container = _linters(source)
    ended, (files, sources) = await gather(
        gather_all(run(container, command) for command in _LINTERS.values()),
        gather(source.glob("**/*.py"), source.glob("src/**/*.py")),
    )
    runs = [ToolRun(result.status, result.stdout, result.stderr) for result in ended]
    return LintReport(files=len(files) if sources else 0, runs=dict(zip(_LINTERS, runs, strict=True)))


@step("format")
async def format_source(source: dagger.Directory) -> dagger.Changeset:
    """Return the changes that isort and black make to ``source``."""
    isort, black = ["isort", "--quiet", "--profile=black", "."], ["black", "--quiet", "."]
    formatted = _linters(source).with_exec(isort).with_exec(black).directory(toolchain.WORKDIR)
    return (await formatted.sync()).changes(source)


@step("test")
async def test(
    source: dagger.Directory, environment: Mapping[str, dagger.Secret]
) -> tuple[TestReport, dagger.Directory]:
    """Run the tests in ``tests/unit/``; return the report, and the folder with ``junit.xml`` and ``coverage.xml``.

    Args:
        source: The service's source.
        environment: Values for the tests' ``.env``, by name.
    """
    container = await _tests(source)
    for name, secret in environment.items():
        container = container.with_mounted_secret(f"/run/secrets/environment/{name}", secret, owner=NOBODY)
    command, now = (
        ["python", "/programs/run_tests.py", str(TEST_LIMIT), REPORTS],
        datetime.now(UTC).replace(microsecond=0),
    )
    ended = await run(container, command)
    ran = started_at(ended.stdout)
    if ended.status and ran and ran < now:
        # A cached failure may come from a flaky test, so a repeated call runs the tests again.
        ended = await run(container.with_env_variable("STAGE_CI_NOW", now.isoformat()), command)
    reports = ended.container.directory(REPORTS)
    junit = await reports.file("junit.xml").contents() if "junit.xml" in await reports.entries() else None
    return TestReport.read(ended.status, ended.stdout + ended.stderr, junit), reports


def _linters(source: dagger.Directory) -> dagger.Container:
    container = toolchain.with_linters().with_mounted_directory(toolchain.WORKDIR, source, owner=NOBODY)
    return as_nobody(container.with_workdir(toolchain.WORKDIR))


async def _tests(source: dagger.Directory) -> dagger.Container:
    present = await toolchain.requirement_files(source)
    wanted = [name for name in ("requirements", "requirements.dev") if name in present]
    extra = (
        () if "requirements.dev" in present else missing_requirements(pins.TEST_TOOLS, present.get("requirements", ""))
    )
    container = (
        toolchain.with_requirements(present, wanted, extra)
        .with_new_file("/programs/run_tests.py", program("run_tests.py"))
        .with_env_variable("PYTHONPATH", f"{toolchain.WORKDIR}/src")
        .with_directory(REPORTS, dag.directory(), owner=NOBODY)
        .with_mounted_directory(toolchain.WORKDIR, source, owner=NOBODY)
        .with_workdir(toolchain.WORKDIR)
        # The .env lies on a temporary mount, so that no layer contains it.
        .with_mounted_temp("/run/dotenv")
        .with_symlink("/run/dotenv/.env", f"{toolchain.WORKDIR}/.env")
    )
    return as_nobody(container)
