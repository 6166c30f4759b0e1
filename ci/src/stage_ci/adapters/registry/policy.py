"""How often a registry is tried, and for how long."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from stage_ci.rules.registry.protocol import TransientError

# 0.5, 1, 2, 4 and 8 seconds plus up to half a second, so that runs that failed together do not retry together.
_BACKOFF: Final = wait_exponential_jitter(multiplier=0.5, max=10, jitter=0.5)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a registry is tried, and for how long.

    Args:
        attempts: The number of attempts at one request.
        request_seconds: The time limit of one attempt.
        wait_seconds: The time limit of all pauses between the attempts at one request.
        total_seconds: The time limit of one method of Registry.
        pages: The number of pages of a tag list that are read.
        sleep: Waits for a number of seconds; tests replace it.
    """

    attempts: int = 6
    request_seconds: float = 30.0
    wait_seconds: float = 60.0
    total_seconds: float = 300.0
    pages: int = 1_000
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    def retrying(self) -> AsyncRetrying:
        """Return a retry of what fails with TransientError, within the bounds; it raises the last exception."""
        return AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=self._is_enough,
            wait=_pause,
            sleep=self.sleep,
            reraise=True,
        )

    def _is_enough(self, state: RetryCallState) -> bool:
        waits = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= self.attempts or waits > self.wait_seconds


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    requested = error.retry_after if isinstance(error, TransientError) else None
    return _BACKOFF(state) + (requested or 0.0)


RETRY_POLICY: Final = RetryPolicy()
