"""What the SDK logs of a failure, and what the module keeps it from logging."""

import logging

import dagger
import pytest

from stage_ci.errors import LintFailed, MultipleFailures, StageError, TestsFailed
from stage_ci.logs import without_expected_tracebacks
from stage_ci.main import StageCi

LINT = LintFailed("flake8: src/a.py:1:1: F401")
SEVERAL = MultipleFailures([LINT, TestsFailed("1 of 3 tests failed")])


async def fail(error: Exception) -> None:
    """Fail inside of a function, as Dagger calls one."""

    async def function() -> None:
        raise error

    await getattr(StageCi, "__dagger_module__").call(function)  # noqa: B009 - not declared for a type checker


@pytest.mark.parametrize("error", [LINT, SEVERAL], ids=["one", "several"])
async def test_an_expected_failure_is_told_without_a_traceback(
    error: StageError, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text is the error that the command line shows; a traceback beside it says nothing more."""
    with pytest.raises(Exception, match=r"flake8: src/a\.py") as shown:
        await fail(error)
    assert type(shown.value).__name__ == "FunctionError"
    assert str(shown.value) == str(error)
    assert caplog.records == []


async def test_an_unexpected_failure_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the pipeline's own has to be found."""
    with pytest.raises(Exception, match="division by zero"):
        await fail(ZeroDivisionError("division by zero"))
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


def test_other_messages_of_the_sdk_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """With another exception, with none, or with an empty one."""
    logger = logging.getLogger("dagger.mod")
    logger.warning("a warning")
    logger.error("no exception", exc_info=(None, None, None))
    logger.error("the engine's", exc_info=dagger.DaggerError("unreachable"))
    assert [record.getMessage() for record in caplog.records] == ["a warning", "no exception", "the engine's"]


def test_asking_twice_changes_nothing() -> None:
    """The module may be loaded more than once in a process."""
    before = list(logging.getLogger("dagger.mod").filters)
    without_expected_tracebacks()
    assert logging.getLogger("dagger.mod").filters == before
