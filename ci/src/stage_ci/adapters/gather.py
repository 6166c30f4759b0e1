"""Runs steps concurrently, waits for all of them, and reports all failures."""

from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar, overload

import anyio

from stage_ci.errors import MultipleFailures, StageError

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...


async def gather(*steps: Awaitable[Any]) -> tuple[Any, ...]:
    """Run ``steps`` concurrently and return their results in the same order.

    An expected failure of one step does not cancel the others, so that one run reports all that has to be fixed.

    Raises:
        StageError: the one failure, or MultipleFailures with all of them.
    """
    return tuple(await gather_all(steps))


async def gather_all(steps: Iterable[Awaitable[T]]) -> list[T]:
    """Run ``steps`` of one type as ``gather`` does, and return their results."""
    results: dict[int, T] = {}
    failures: dict[int, StageError] = {}

    async def run(index: int, step: Awaitable[T]) -> None:
        try:
            results[index] = await step
        except StageError as error:
            failures[index] = error

    try:
        async with anyio.create_task_group() as group:
            for index, step in enumerate(steps):
                group.start_soon(run, index, step)
    except ExceptionGroup as error:
        raise first_error(error) from error
    _raise_all([failures[index] for index in sorted(failures)])
    return [results[index] for index in sorted(results)]


def _raise_all(failures: list[StageError]) -> None:
    flat = [
        inner for error in failures for inner in (error.failures if isinstance(error, MultipleFailures) else [error])
    ]
    unique = list({str(error): error for error in flat}.values())
    if len(unique) == 1:
        raise unique[0]
    if unique:
        raise MultipleFailures(unique)


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a task group, whose own text is only "unhandled errors in a TaskGroup"."""
    inner = group.exceptions[0]
    return first_error(inner) if isinstance(inner, BaseExceptionGroup) else inner
