"""The log of the SDK: no traceback for an expected failure."""

import logging

import dagger
import pytest

from stage_ci.errors import LintFailed, MultipleFailures, StageError, TestsFailed
from stage_ci.logs import without_expected_tracebacks
from stage_ci.main import StageCi

LINT = LintFailed("flake8: src/a.py:1:1: F401")
SEVERAL = MultipleFailures([LINT, TestsFailed("1 of 3 tests failed")])


async def fail(error: Exception) -> None:
    """Raise ``error`` in a function that the module's runtime calls."""

    async def function() -> None:
        raise error

    await getattr(StageCi, "__dagger_module__").call(function)  # noqa: B009 - not declared for a type checker


@pytest.mark.parametrize("error", [LINT, SEVERAL], ids=["one", "several"])
async def test_an_expected_failure_has_no_traceback(error: StageError, caplog: pytest.LogCaptureFixture) -> None:
    """For an expected failure, the CLI shows the error's text, and the SDK logs nothing."""
    with pytest.raises(Exception, match=r"flake8: src/a\.py") as shown:
        await fail(error)
    assert type(shown.value).__name__ == "FunctionError"
    assert str(shown.value) == str(error)
    assert caplog.records == []


async def test_an_unexpected_failure_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """For an unexpected failure, the SDK logs the traceback, which a bug report needs."""
    with pytest.raises(Exception, match="division by zero"):
        await fail(ZeroDivisionError("division by zero"))
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


def test_other_messages_of_the_sdk_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Messages with another exception, an empty one or none are logged."""
    logger = logging.getLogger("dagger.mod")
    logger.warning("a warning")
    logger.error("no exception", exc_info=(None, None, None))
    logger.error("the engine's", exc_info=dagger.DaggerError("unreachable"))
    assert [record.getMessage() for record in caplog.records] == ["a warning", "no exception", "the engine's"]


def test_installing_the_filter_twice_changes_nothing() -> None:
    """A second call adds no second filter, because a process may load the module more than once."""
    before = list(logging.getLogger("dagger.mod").filters)
    without_expected_tracebacks()
    assert logging.getLogger("dagger.mod").filters == before
