"""What a run shows besides its result: the first failure at once, and the time of each step."""

import pytest
from anyio import fail_after, sleep

from stage_ci.adapters.gather import gather, gather_all
from stage_ci.errors import LintFailed, MultipleFailures, TestsFailed
from stage_ci.steps.progress import FailedFast, Progress

LINT = LintFailed("flake8: src/a.py:1:1: F401")
TESTS = TestsFailed("1 of 3 tests failed")


async def fail(error: Exception, *, after: float = 0) -> None:
    """Fail after a pause."""
    await sleep(after)
    raise error


async def test_the_first_failure_is_printed_while_other_steps_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The first failure is on standard error before the other steps have ended, in one line; later ones are not."""
    progress, seen = Progress(), []

    async def look() -> None:
        await sleep(0.05)
        seen.append(capsys.readouterr())

    with pytest.raises(MultipleFailures):
        await gather_all(progress.watch(step) for step in (fail(TESTS, after=0.1), fail(LINT), look()))
    assert [(output.out, output.err) for output in seen] == [("", f"First failure, the other steps go on: {LINT}\n")]
    assert capsys.readouterr().err == ""


async def test_fail_fast_cancels_the_other_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """With fail-fast, the first failure ends the steps of all nested groups, and only the final error shows it."""
    progress, ended = Progress(fail_fast=True), []

    async def wait(name: str) -> None:
        try:
            await sleep(60)
        finally:
            ended.append(name)

    with pytest.raises(FailedFast) as failed, fail_after(5):
        await gather(
            gather_all(progress.watch(step) for step in (fail(LINT, after=0.02), wait("check"))),
            progress.watch(wait("remotes")),
        )
    assert failed.value.failure is LINT
    assert sorted(ended) == ["check", "remotes"]
    assert capsys.readouterr().err == ""


async def test_a_result_is_passed_on() -> None:
    """A watched step gives its result."""

    async def one() -> int:
        return 1

    assert await Progress().watch(one()) == 1


async def test_an_unexpected_error_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A programming error is neither announced nor turned into a failure of a step."""
    with pytest.raises(ZeroDivisionError):
        await Progress(fail_fast=True).watch(fail(ZeroDivisionError("by zero")))
    assert capsys.readouterr().err == ""


async def test_each_step_has_a_span_also_if_it_fails() -> None:
    """A span has the name, the start since the beginning of the run and the duration of its step."""
    progress = Progress()
    await sleep(0.02)
    with progress.span("build"):
        await sleep(0.03)
    with pytest.raises(LintFailed), progress.span("lint"):
        raise LINT
    build, lint = progress.spans
    assert (build.step, lint.step) == ("build", "lint")
    assert build.start >= 0.02
    assert build.seconds >= 0.03
    assert lint.start >= build.end
