"""Runs the unit tests in groups; rules/test_groups.py forms them, rules/checks.py interprets the exit codes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import packages, toolchain
from stage_ci.adapters.commands import NOBODY, CommandResult, as_nobody, run, step
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.programs import program
from stage_ci.adapters.source import Source
from stage_ci.rules.checks import CoverageReport, TestReport, started_at
from stage_ci.rules.test_groups import TestGroup, groups, is_group_file, selected
from stage_ci.rules.tool_output import pytest_cause

# The seconds after which a test run is killed, so that a hanging test cannot block a release.
_LIMIT: Final = 900


@step("test")
async def test(
    source: Source, environment: Mapping[str, dagger.Secret], only: Sequence[str]
) -> tuple[TestReport, dagger.Directory, list[str]]:
    """Run the tests in ``tests/unit/``; return the report, the folder with the report files, and those with the output.

    Each group writes ``junit.xml`` and ``test.txt``, with the group's suffix in their names.

    Args:
        source: The service's source.
        environment: Values for the tests' ``.env``, by name.
        only: The paths or node ids of the tests to run; empty for all.

    Raises:
        InvalidInput: if one of ``only`` is not in tests/unit/, or the file of a group is invalid.
    """
    container, formed = await gather(_container(source, environment), _groups(source, only))
    ended = await gather_all(_run(container, source.directory, group) for group in formed)
    folder = dag.directory()
    for _, files in ended:
        folder = folder.with_directory(".", files)
    return TestReport.joined([report for report, _ in ended]), folder, [_output(group) for group in formed]


@step("coverage")
async def coverage(source: Source, environment: Mapping[str, dagger.Secret]) -> tuple[CoverageReport, dagger.Directory]:
    """Run all tests once more to measure their coverage; return the report, and the folder with the files.

    Each group writes ``coverage.xml``, with the group's suffix in its name, also if its tests fail. It is a run of its
    own, because the measurement slows the tests down, and no release waits for it.

    Args:
        source: The service's source.
        environment: Values for the tests' ``.env``, by name.
    """
    container, formed = await gather(_container(source, environment), _groups(source, ()))
    ended = await gather_all(_measure(container, source.directory, group) for group in formed)
    folder = dag.directory()
    for _, files in ended:
        folder = folder.with_directory(".", files, include=["coverage*.xml"])
    return CoverageReport([reason for reason, _ in ended if reason]), folder


async def _groups(source: Source, only: Sequence[str]) -> list[TestGroup]:
    if only:
        return [selected(only)]
    paths = await source.paths()
    return groups(await source.texts([path for path in paths if is_group_file(path)]), paths)


async def _run(
    container: dagger.Container, source: dagger.Directory, group: TestGroup
) -> tuple[TestReport, dagger.Directory]:
    junit = f"junit{group.suffix}.xml"
    container, command = _pytest(container, source, group, f"--junitxml={toolchain.OUTPUT}/{junit}")
    ended = await run_again_if_failed(container, command)
    reports = ended.container.directory(toolchain.OUTPUT)
    # A run that passes has written the file; otherwise run_tests.py exits with another status than 0.
    written = not ended.status or junit in await reports.entries()
    text = await reports.file(junit).contents() if written else None
    return TestReport.read(ended.status, ended.stdout + ended.stderr, text), reports


async def run_again_if_failed(container: dagger.Container, command: list[str]) -> CommandResult:
    """Run tests as the first attempt that has passed, or that the cache does not have, and return its result.

    A cached failure may come from a flaky test, so a repeated call runs the tests again. Each attempt has its number in
    its cache key, so that later calls find the one that passed.
    """
    now, attempt = datetime.now(UTC).replace(microsecond=0), 0
    while True:
        ended = await run(container.with_env_variable("STAGE_CI_ATTEMPT", str(attempt)), command)
        ran = started_at(ended.stdout)
        if not (ended.status and ran and ran < now):
            return ended
        attempt += 1


async def _measure(
    container: dagger.Container, source: dagger.Directory, group: TestGroup
) -> tuple[str, dagger.Directory]:
    file = f"coverage{group.suffix}.xml"
    container, command = _pytest(container, source, group, "--cov=src", f"--cov-report=xml:{toolchain.OUTPUT}/{file}")
    ended = await run(container, command)
    reports = ended.container.directory(toolchain.OUTPUT)
    measured = file in await reports.entries()
    return "" if measured else pytest_cause(ended.stdout + ended.stderr), reports


def _pytest(
    container: dagger.Container, source: dagger.Directory, group: TestGroup, *options: str
) -> tuple[dagger.Container, list[str]]:
    """Return the container with the files of a group, and the command that runs its tests with ``options``."""
    container = toolchain.with_source(container, source, group.exclude)
    # The .env lies on a temporary mount, so that no layer contains it.
    container = container.with_symlink("/run/dotenv/.env", f"{toolchain.WORKDIR}/.env")
    program = ["python", "/programs/run_tests.py", str(_LIMIT), toolchain.OUTPUT, _output(group)]
    return container, [*program, *group.paths, *options]


def _output(group: TestGroup) -> str:
    return f"test{group.suffix}.txt"


async def _container(source: Source, environment: Mapping[str, dagger.Secret]) -> dagger.Container:
    installed = await packages.with_requirements(source, ["requirements", "requirements.dev"])
    container = (
        packages.with_missing(installed, pins.TEST_TOOLS)
        .with_new_file("/programs/run_tests.py", program("run_tests.py"))
        .with_env_variable("PYTHONPATH", f"{toolchain.WORKDIR}/src")
        .with_mounted_temp("/run/dotenv")
    )
    # Evaluated once for all groups, whose requests are short then.
    container = await as_nobody(container).sync()
    for name, secret in environment.items():
        container = container.with_mounted_secret(f"/run/secrets/environment/{name}", secret, owner=NOBODY)
    return container
