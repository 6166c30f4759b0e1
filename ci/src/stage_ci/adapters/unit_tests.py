"""Runs the unit tests in groups; rules/test_groups.py forms them, rules/checks.py interprets the exit codes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, run, step
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.programs import program
from stage_ci.adapters.source import Source
from stage_ci.rules.checks import TestReport, started_at
from stage_ci.rules.requirement_file import missing_requirements
from stage_ci.rules.test_groups import TestGroup, groups, is_group_file, selected

_REPORTS: Final = "/reports"
# The seconds after which a test run is killed, so that a hanging test cannot block a release.
_LIMIT: Final = 900


@step("test")
async def test(
    source: Source, environment: Mapping[str, dagger.Secret], only: Sequence[str]
) -> tuple[TestReport, dagger.Directory, list[str]]:
    """Run the tests in ``tests/unit/``; return the report, the folder with the report files, and those with the output.

    Each group writes ``junit.xml``, ``coverage.xml`` and ``test.txt``, with the group's suffix in their names.

    Args:
        source: The service's source.
        environment: Values for the tests' ``.env``, by name.
        only: The paths or node ids of the tests to run; empty for all.

    Raises:
        InvalidInput: if one of ``only`` is not in tests/unit/, or the file of a group is invalid.
    """
    container, formed = await gather(_container(source), _groups(source, only))
    for name, secret in environment.items():
        container = container.with_mounted_secret(f"/run/secrets/environment/{name}", secret, owner=NOBODY)
    ended = await gather_all(_run(container, source.directory, group) for group in formed)
    folder = dag.directory()
    for _, files in ended:
        folder = folder.with_directory(".", files)
    return TestReport.joined([report for report, _ in ended]), folder, [f"test{group.suffix}.txt" for group in formed]


async def _groups(source: Source, only: Sequence[str]) -> list[TestGroup]:
    if only:
        return [selected(only)]
    paths = await source.paths()
    return groups(await source.texts([path for path in paths if is_group_file(path)]), paths)


async def _run(
    container: dagger.Container, source: dagger.Directory, group: TestGroup
) -> tuple[TestReport, dagger.Directory]:
    container = toolchain.with_source(container, source, group.exclude)
    # The .env lies on a temporary mount, so that no layer contains it.
    container = container.with_symlink("/run/dotenv/.env", f"{toolchain.WORKDIR}/.env")
    command = ["python", "/programs/run_tests.py", str(_LIMIT), _REPORTS, group.suffix, *group.paths]
    now = datetime.now(UTC).replace(microsecond=0)
    ended = await run(container, command)
    ran = started_at(ended.stdout)
    if ended.status and ran and ran < now:
        # A cached failure may come from a flaky test, so a repeated call runs the tests again.
        ended = await run(container.with_env_variable("STAGE_CI_NOW", now.isoformat()), command)
    reports, junit = ended.container.directory(_REPORTS), f"junit{group.suffix}.xml"
    text = await reports.file(junit).contents() if junit in await reports.entries() else None
    return TestReport.read(ended.status, ended.stdout + ended.stderr, text), reports


async def _container(source: Source) -> dagger.Container:
    present = await toolchain.requirement_files(source)
    wanted = [name for name in ("requirements", "requirements.dev") if name in present]
    extra = (
        () if "requirements.dev" in present else missing_requirements(pins.TEST_TOOLS, present.get("requirements", ""))
    )
    container = (
        toolchain.with_requirements(present, wanted, extra)
        .with_new_file("/programs/run_tests.py", program("run_tests.py"))
        .with_env_variable("PYTHONPATH", f"{toolchain.WORKDIR}/src")
        .with_directory(_REPORTS, dag.directory(), owner=NOBODY)
        .with_mounted_temp("/run/dotenv")
    )
    # Evaluated once for all groups, whose requests are short then.
    return await as_nobody(container).sync()
