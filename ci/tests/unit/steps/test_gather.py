"""Steps side by side: all of them end, and all of their failures are told."""

from __future__ import annotations

import pytest
from anyio import Event, fail_after, sleep

from stage_ci.errors import BuildFailed, LintFailed, MultipleFailures, StageError, TestsFailed
from stage_ci.steps.gather import gather

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
    """Whichever ends first."""
    assert await gather(giving(1, after=0.02), giving(2), giving(3, after=0.01)) == [1, 2, 3]


async def test_no_steps_have_no_results() -> None:
    """Nothing to wait for."""
    assert await gather() == []


async def test_steps_run_side_by_side() -> None:
    """One may wait for what another does."""
    ready = Event()

    async def tell() -> None:
        ready.set()

    with fail_after(1):
        await gather(ready.wait(), tell())


async def test_one_failure_comes_out_as_it_is() -> None:
    """The very error, not a group with one member."""
    with pytest.raises(LintFailed) as failed:
        await gather(giving(1), failing(LINT))
    assert failed.value is LINT


@pytest.mark.fault(40)
async def test_two_failures_are_both_told_in_the_order_of_the_steps() -> None:
    """A line each, with step, cause and remedy."""
    with pytest.raises(MultipleFailures) as failed:
        await gather(failing(LINT, after=0.02), giving(1), failing(TESTS))
    assert str(failed.value) == f"{LINT}\n{TESTS}"
    assert failed.value.failures == [LINT, TESTS]
    assert isinstance(failed.value, StageError)


@pytest.mark.fault(40)
async def test_a_failure_leaves_the_other_steps_running() -> None:
    """One run tells everything there is to mend."""
    ended: list[str] = []

    async def slow() -> None:
        await sleep(0.02)
        ended.append("slow")

    with pytest.raises(LintFailed):
        await gather(failing(LINT), slow())
    assert ended == ["slow"]


@pytest.mark.fault(40)
async def test_failures_of_steps_within_steps_are_told_once_each() -> None:
    """A line each however deep, and the same failure of two steps is one."""
    with pytest.raises(MultipleFailures) as failed:
        await gather(gather(failing(LINT), failing(TESTS)), failing(BUILD), failing(LintFailed(LINT.cause)))
    assert str(failed.value).splitlines() == [str(LINT), str(TESTS), str(BUILD)]


async def test_the_same_failure_twice_is_one() -> None:
    """Two steps that need the same image fail with the same words."""
    with pytest.raises(LintFailed):
        await gather(failing(LINT), failing(LintFailed(LINT.cause)))


@pytest.mark.parametrize("other", [giving, failing])
async def test_what_nobody_expected_comes_out_as_it_is(other: object) -> None:
    """Not as "unhandled errors in a TaskGroup": its own type and text say more."""
    assert callable(other)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        await gather(gather(failing(ZeroDivisionError("by zero"))), other(LINT, after=0.02))


@pytest.mark.fault(40)
async def test_a_deadline_ends_all_steps() -> None:
    """A cancelled run leaves none behind, and is no failure of a step."""
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await sleep(60)
        finally:
            ended.append(name)

    with pytest.raises(TimeoutError), fail_after(0.02):
        await gather(forever("one"), forever("two"))
    assert sorted(ended) == ["one", "two"]
