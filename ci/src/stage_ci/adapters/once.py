"""Computes a value when it is first needed, for all that need it."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from stage_ci.errors import StageError

T = TypeVar("T")


class Once(Generic[T]):
    """A function whose first call computes the result; later calls return the same result or raise the same error."""

    def __init__(self, compute: Callable[[], Awaitable[T]]) -> None:
        self._compute = compute
        self._lock = anyio.Lock()
        self._result: T | StageError | None = None

    async def __call__(self) -> T:
        """Return the result, which the first call computes."""
        async with self._lock:
            if self._result is None:
                try:
                    self._result = await self._compute()
                except StageError as error:
                    self._result = error
        if isinstance(self._result, StageError):
            raise self._result
        return self._result
