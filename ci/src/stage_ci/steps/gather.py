"""Steps side by side: all of them end, and all of their failures are told."""

from collections.abc import Awaitable
from typing import Any

import anyio

from stage_ci.adapters.commands import first_of
from stage_ci.errors import MultipleFailures, StageError


async def gather(*steps: Awaitable[Any]) -> list[Any]:
    """Return the results of ``steps``, in their order, after all of them have ended.

    An expected failure of one leaves the others running, so that one run tells everything there is to mend.

    Raises:
        StageError: the one failure, or MultipleFailures with all of them.
    """
    results: list[Any] = [None] * len(steps)
    failures: dict[int, StageError] = {}

    async def one(place: int, step: Awaitable[Any]) -> None:
        try:
            results[place] = await step
        except StageError as error:
            failures[place] = error

    try:
        async with anyio.create_task_group() as group:
            for place, step in enumerate(steps):
                group.start_soon(one, place, step)
    except ExceptionGroup as error:
        raise first_of(error) from error
    _raise([failures[place] for place in sorted(failures)])
    return results


def _raise(failures: list[StageError]) -> None:
    flat = [
        inner for error in failures for inner in (error.failures if isinstance(error, MultipleFailures) else [error])
    ]
    unique = list({str(error): error for error in flat}.values())
    if len(unique) == 1:
        raise unique[0]
    if unique:
        raise MultipleFailures(unique)
