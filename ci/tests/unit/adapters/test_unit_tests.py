"""Tests of how the unit tests of a service are run."""

from collections.abc import Sequence
from typing import Any, Final

import anyio
import pytest

from stage_ci.adapters import unit_tests
from stage_ci.adapters.commands import CommandResult

CACHED: Final = "unit tests started at 2020-01-01T00:00:00+00:00\n"
CONTAINER: Final[Any] = None  # of a result; not used
NEW: Final = "unit tests started at 2999-01-01T00:00:00+00:00\n"


class AttemptContainer:
    """Stands in for a container of the engine: it knows the number of its attempt only."""

    def with_env_variable(self, name: str, value: str) -> int:
        """Return the number of the attempt."""
        assert name == "STAGE_CI_ATTEMPT"
        return int(value)


@pytest.mark.parametrize(
    ("attempts", "returned"),
    [
        ([(0, "")], 0),
        ([(1, NEW)], 0),
        ([(1, CACHED), (0, "")], 1),
        ([(1, CACHED), (1, CACHED), (1, NEW)], 2),
        ([(137, "")], 0),
    ],
    ids=["passed", "failed", "passed after a cached failure", "failed once more", "killed"],
)
def test_the_first_attempt_that_passed_or_is_new_counts(
    attempts: Sequence[tuple[int, str]], returned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached failures are skipped, and the attempt after them is run or found in the cache."""
    results = [CommandResult(status, stdout, "", CONTAINER) for status, stdout in attempts]

    async def run(attempt: int, _: list[str]) -> CommandResult:
        return results[attempt]

    monkeypatch.setattr(unit_tests, "run", run)
    container: Any = AttemptContainer()
    assert anyio.run(unit_tests.run_again_if_failed, container, ["pytest"]) is results[returned]
