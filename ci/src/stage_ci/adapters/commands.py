"""Runs commands in containers, and separates a finding from a failure of the engine."""

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

# The user "nobody", by number: it owns what an unprivileged command reads or writes, also in images without that name.
NOBODY: Final = "65534:65534"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended: its exit status, its output, and the container after it."""

    status: int
    stdout: str
    stderr: str
    container: dagger.Container


def as_nobody(container: dagger.Container) -> dagger.Container:
    """Return ``container`` with its further commands run as nobody, with /tmp as home."""
    return container.with_user(NOBODY).with_env_variable("HOME", "/tmp")  # noqa: S108 - of the container


async def run(container: dagger.Container, command: list[str]) -> CommandResult:
    """Return how ``command`` ended in ``container``, whatever its exit status."""
    after = container.with_exec(command, expect=ReturnType.ANY)
    status = await after.exit_code()
    return CommandResult(status, await after.stdout(), await after.stderr(), after)


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Report a failure of the engine as a failure of the step ``name``, in one line instead of the SDK's traceback."""

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(function)
        async def translated(*arguments: P.args, **named: P.kwargs) -> T:
            try:
                return await function(*arguments, **named)
            except dagger.QueryError as error:
                raise EngineError(cause(error), step=name) from error
            except ExceptionGroup as group:
                first = first_error(group)
                if not isinstance(first, dagger.QueryError):
                    raise first from group
                raise EngineError(cause(first), step=name) from group

        return translated

    return decorate


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a task group: its text says more than "unhandled errors in a TaskGroup"."""
    inner = group.exceptions[0]
    return first_error(inner) if isinstance(inner, BaseExceptionGroup) else inner


def cause(error: dagger.QueryError) -> str:
    """Return the line of an engine's error that names what has to be fixed."""
    if isinstance(error, dagger.ExecError):
        return error_excerpt(str(error), " ".join(error.command), f"{error.stdout}\n{error.stderr}")
    return error_excerpt(str(error), "", "")
