"""What a run shows besides its result: its first failure when it happens, and where its time went."""

import sys
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from stage_ci.errors import StageError
from stage_ci.rules.timeline import Span

T = TypeVar("T")


class FailedFast(Exception):  # noqa: N818 - not an error of its own: it carries one out of the groups of steps
    """The first failure of a run that ends with it."""

    def __init__(self, failure: StageError) -> None:
        self.failure = failure
        super().__init__(str(failure))


class Progress:
    """The progress of one run.

    Args:
        fail_fast: Whether the first failure ends the run.

    Attributes:
        spans: The time that each step took, in the order in which they ended.
    """

    def __init__(self, *, fail_fast: bool = False) -> None:
        self.spans: list[Span] = []
        self._fail_fast = fail_fast
        self._failed = False
        self._origin = time.monotonic()

    @contextmanager
    def span(self, step: str) -> Iterator[None]:
        """Record the time of the block as that of ``step``, also if it fails."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.spans.append(Span(step, start - self._origin, time.monotonic() - start))

    async def watch(self, step: Awaitable[T]) -> T:
        """Return the result of ``step``; if it is the first to fail, print its error at once.

        Raises:
            StageError: the error of the step.
            FailedFast: instead of it, if the first failure ends the run; steps in the same group are cancelled.
        """
        try:
            return await step
        except StageError as error:
            if self._fail_fast:
                raise FailedFast(error) from error
            if not self._failed:
                self._failed = True
                print(f"First failure, the other steps go on: {error}", file=sys.stderr, flush=True)  # noqa: T201
            raise
