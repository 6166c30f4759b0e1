"""Running commands in containers, and telling a finding from a failure of the engine."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import dagger
from dagger import ReturnType

from stage_ci.errors import EngineError
from stage_ci.rules.build_failure import error_excerpt

P = ParamSpec("P")
T = TypeVar("T")

# Owns what a command without root's rights has to read or write; a number, for images that do not know the name.
NOBODY: Final = "65534:65534"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, what it wrote, and the container it left."""

    status: int
    stdout: str
    stderr: str
    container: dagger.Container


def as_nobody(container: dagger.Container) -> dagger.Container:
    """Return ``container`` with its further commands run without root's rights, at home in /tmp."""
    return container.with_user(NOBODY).with_env_variable("HOME", "/tmp")  # noqa: S108 - of the container


async def run(container: dagger.Container, command: list[str]) -> Ended:
    """Return how ``command`` ended in ``container``, whatever its exit status."""
    after = container.with_exec(command, expect=ReturnType.ANY)
    status = await after.exit_code()
    return Ended(status, await after.stdout(), await after.stderr(), after)


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Tell a failure of the engine as one of the step ``name``: a line instead of the SDK's traceback."""

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(function)
        async def told(*arguments: P.args, **named: P.kwargs) -> T:
            try:
                return await function(*arguments, **named)
            except dagger.QueryError as error:
                raise EngineError(cause(error), step=name) from error
            except ExceptionGroup as group:
                # What ran side by side failed side by side: the first of it is told.
                first = first_of(group)
                if not isinstance(first, dagger.QueryError):
                    raise first from group
                raise EngineError(cause(first), step=name) from group

        return told

    return decorate


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first of what failed side by side: it says more than "unhandled errors in a TaskGroup"."""
    inner = group.exceptions[0]
    return first_of(inner) if isinstance(inner, BaseExceptionGroup) else inner


def cause(error: dagger.QueryError) -> str:
    """Return the line of an engine's error that tells a person what to mend."""
    if isinstance(error, dagger.ExecError):
        return error_excerpt(str(error), " ".join(error.command), f"{error.stdout}\n{error.stderr}")
    return error_excerpt(str(error), "", "")
