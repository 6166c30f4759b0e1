"""Everything the checks wrote, as files: whether they passed or not."""

from collections.abc import Awaitable, Mapping
from typing import Protocol, TypeVar

import dagger
from dagger import dag

from stage_ci.adapters import checks, image, scanner
from stage_ci.adapters.scanner import Database, Scan
from stage_ci.errors import StageError
from stage_ci.rules.checks import LintReport
from stage_ci.steps.candidate import built
from stage_ci.steps.gather import gather

T = TypeVar("T")


class Judged(Protocol):
    """What a check came to: fit for a release, or why not."""

    @property
    def summary(self) -> str:
        """One line for a person."""

    def raise_if_failed(self) -> None:
        """Raise a StageError if it is not fit."""


async def reports(
    source: dagger.Directory, environment: Mapping[str, dagger.Secret], database: Database
) -> dagger.Directory:
    """Return a folder with lint.txt, junit.xml, coverage.xml, the scanner's files and summary.md.

    A check that fails or cannot run is told in summary.md; the folder is there all the same.
    """
    linted, tested, scanned = await gather(
        _told(checks.lint(source)), _told(checks.test(source, environment)), _told(_scan(source, database))
    )
    folder = dag.directory()
    lines = {"lint": _judged(linted), "test": _judged(tested), "scan": _judged(scanned)}
    if isinstance(linted, LintReport):
        folder = folder.with_new_file("lint.txt", linted.text)
    if not isinstance(tested, StageError):
        folder = folder.with_directory(".", tested.files).with_new_file("test.txt", tested.report.output)
    if isinstance(scanned, Scan):
        folder = folder.with_directory(".", scanned.reports)
    return folder.with_new_file("summary.md", _summary(lines))


async def _scan(source: dagger.Directory, database: Database) -> Scan:
    (container, _), excuses = await gather(built(source), scanner.excuses(source))
    return await scanner.scan((await image.pack(container)).file, database, excuses)


async def _told(step: Awaitable[T]) -> T | StageError:
    try:
        return await step
    except StageError as error:
        return error


def _judged(result: LintReport | checks.Tests | Scan | StageError) -> str:
    judged: Judged
    match result:
        case StageError():
            return f"failed: {result}"
        case checks.Tests():
            judged = result.report
        case Scan():
            judged = result.verdict
        case _:
            judged = result
    try:
        judged.raise_if_failed()
    except StageError as error:
        return f"failed: {error}"
    return f"passed: {judged.summary}"


def _summary(lines: Mapping[str, str]) -> str:
    rows = [f"| {name} | {lines[name].replace('|', '/').replace(chr(10), '; ')} |" for name in ("lint", "test", "scan")]
    return "\n".join(["# Checks", "", "| step | result |", "|---|---|", *rows, ""])
