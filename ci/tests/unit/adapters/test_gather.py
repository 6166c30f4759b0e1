"""Running steps side by side: all of them end, and all of their failures are reported."""

from __future__ import annotations

import pytest
from anyio import Event, fail_after, sleep

from stage_ci.adapters.gather import gather, gather_all
from stage_ci.errors import BuildFailed, LintFailed, MultipleFailures, StageError, TestsFailed

LINT = LintFailed("flake8: src/a.py:1:1: F401")
TESTS = TestsFailed("1 of 3 tests failed")
BUILD = BuildFailed("no such package")


async def giving(value: object, *, after: float = 0) -> object:
    """Give a value after a pause."""
    await sleep(after)
    return value


async def failing(error: Exception, *, after: float = 0) -> None:
    """Fail after a pause."""
    await sleep(after)
    raise error


async def test_results_come_in_the_order_of_the_steps() -> None:
    """Results are in the order of the steps, not in the order in which the steps end."""
    assert await gather(giving(1, after=0.02), giving(2), giving(3, after=0.01)) == (1, 2, 3)


async def test_no_steps_have_no_results() -> None:
    """Gathering no steps gives no results."""
    assert await gather_all([]) == []


async def test_steps_run_side_by_side() -> None:
    """A step can wait for what another step does."""
    ready = Event()

    async def set_ready() -> None:
        ready.set()

    with fail_after(1):
        await gather(ready.wait(), set_ready())


async def test_one_failure_is_raised_unchanged() -> None:
    """If one step fails, its own error is raised, not a group with one member."""
    with pytest.raises(LintFailed) as failed:
        await gather(giving(1), failing(LINT))
    assert failed.value is LINT


@pytest.mark.fault(40)
async def test_two_failures_are_reported_in_the_order_of_the_steps() -> None:
    """If two steps fail, the error has a line for each, with step, cause and remedy."""
    with pytest.raises(MultipleFailures) as failed:
        await gather(failing(LINT, after=0.02), giving(1), failing(TESTS))
    assert str(failed.value) == f"{LINT}\n{TESTS}"
    assert failed.value.failures == [LINT, TESTS]
    assert isinstance(failed.value, StageError)


@pytest.mark.fault(40)
async def test_a_failure_leaves_the_other_steps_running() -> None:
    """A failing step does not cancel the others, so that one run reports everything that has to be fixed."""
    ended: list[str] = []

    async def slow() -> None:
        await sleep(0.02)
        ended.append("slow")

    with pytest.raises(LintFailed):
        await gather(failing(LINT), slow())
    assert ended == ["slow"]


@pytest.mark.fault(40)
async def test_failures_of_nested_steps_are_reported_once() -> None:
    """Failures of nested steps have one line each, and equal failures share one."""
    with pytest.raises(MultipleFailures) as failed:
        await gather(gather(failing(LINT), failing(TESTS)), failing(BUILD), failing(LintFailed(LINT.cause)))
    assert str(failed.value).splitlines() == [str(LINT), str(TESTS), str(BUILD)]


async def test_the_same_failure_twice_is_one() -> None:
    """Two steps that fail for the same reason, such as the image they share, raise one error."""
    with pytest.raises(LintFailed):
        await gather(failing(LINT), failing(LintFailed(LINT.cause)))


@pytest.mark.parametrize("other", [giving, failing])
async def test_an_unexpected_error_is_raised_unchanged(other: object) -> None:
    """An unexpected error keeps its type and text instead of "unhandled errors in a TaskGroup"."""
    assert callable(other)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        await gather(gather_all([failing(ZeroDivisionError("by zero"))]), other(LINT, after=0.02))


@pytest.mark.fault(40)
async def test_a_deadline_ends_all_steps() -> None:
    """A deadline cancels all steps and is raised as a TimeoutError, not as a failure of a step."""
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await sleep(60)
        finally:
            ended.append(name)

    with pytest.raises(TimeoutError), fail_after(0.02):
        await gather(forever("one"), forever("two"))
    assert sorted(ended) == ["one", "two"]
