"""Collects the report files of all checks, also of failed ones."""

from collections.abc import Iterable, Mapping

import dagger
from dagger import dag

from stage_ci.adapters.gather import gather_all
from stage_ci.errors import StageError
from stage_ci.rules import timeline
from stage_ci.steps.checks import CHECKS, COVERAGE, Check, CheckResult, Subject, subject_alone
from stage_ci.steps.request import ReleaseRequest


async def collect_reports(request: ReleaseRequest, source: dagger.Directory) -> dagger.Directory:
    """Return a folder with the files of every check, the coverage of the tests, ``timeline.svg`` and ``summary.md``.

    If a check fails or cannot run, summary.md contains its error, and the function still succeeds.
    """
    folder, subject = dag.directory(), subject_alone(request, source)
    rows: dict[str, str] = {}
    checks = (*CHECKS, COVERAGE)
    for check, result in zip(checks, await gather_all(_run(check, subject) for check in checks), strict=True):
        rows[check.name] = _row(result)
        if isinstance(result, CheckResult):
            folder = folder.with_directory(".", result.files)
    spans = subject.progress.spans
    folder = folder.with_new_file("timeline.svg", timeline.svg(spans, "The checks of one source"))
    return folder.with_new_file("summary.md", _summary(rows, timeline.table(spans)))


async def _run(check: Check, subject: Subject) -> CheckResult | StageError:
    try:
        return await check.run(subject)
    except StageError as error:
        return error


def _row(result: CheckResult | StageError) -> str:
    if isinstance(result, StageError):
        return f"failed: {result}"
    try:
        result.report.raise_if_failed()
    except StageError as error:
        return f"failed: {error}"
    return f"passed: {result.report.summary}"


def _summary(rows: Mapping[str, str], times: Iterable[str]) -> str:
    cells = [f"| {name} | {text.replace('|', '/').replace(chr(10), '; ')} |" for name, text in rows.items()]
    return "\n".join(["# Checks", "", "| check | result |", "|---|---|", *cells, "", "```", *times, "```", ""])
