"""Runs commands in containers, and turns errors of the engine into errors of a step."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import dagger
import tenacity
from dagger import ReturnType

from stage_ci.adapters.gather import first_error, gather
from stage_ci.errors import EngineError
from stage_ci.rules.build_failure import engine_remedy, error_excerpt, install_remedy

P = ParamSpec("P")
T = TypeVar("T")

# The user "nobody" by its number, because not every image has the name in /etc/passwd. It owns the files of commands
# that run without privileges.
NOBODY: Final = "65534:65534"
# What engine 0.19.10 says if it cannot mount a folder for two containers at once, of which one may be a server that
# ends with its run, and if it frees disk space of a command that is running.
_LOST_FOLDERS: Final = ("failed to mount", "failed to stat active key during commit")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit status of a command, its output if it failed, and the container after it."""

    status: int
    stdout: str
    stderr: str
    container: dagger.Container


def as_nobody(container: dagger.Container) -> dagger.Container:
    """Return ``container`` with its later commands run as the user nobody, with /tmp as home directory."""
    return container.with_user(NOBODY).with_env_variable("HOME", "/tmp")  # noqa: S108 - of the container


async def run(container: dagger.Container, command: list[str]) -> CommandResult:
    """Run ``command`` in ``container`` and return its result; a non-zero exit status is not an error.

    The output of a command that succeeds is in the engine's log only: each request takes time.
    """
    after = container.with_exec(command, expect=ReturnType.ANY)
    status = await after.exit_code()
    stdout, stderr = await gather(after.stdout(), after.stderr()) if status else ("", "")
    return CommandResult(status, stdout, stderr, after)


def _has_lost_a_folder(error: BaseException) -> bool:
    raised = error.__cause__
    return isinstance(raised, dagger.QueryError) and any(text in str(raised) for text in _LOST_FOLDERS)


_REPEATED: Final = tenacity.retry(
    retry=tenacity.retry_if_exception(_has_lost_a_folder),
    wait=tenacity.wait_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_attempt(12),
    reraise=True,
)


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Raise an error of the engine as an EngineError of the step ``name``, in one line instead of a traceback.

    A function is called again if the engine has lost a folder of its containers.
    """

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @_REPEATED
        @functools.wraps(function)
        async def translated(*arguments: P.args, **named: P.kwargs) -> T:
            try:
                return await function(*arguments, **named)
            except dagger.QueryError as error:
                raise _engine_error(error, name) from error
            except ExceptionGroup as group:
                first = first_error(group)
                if not isinstance(first, dagger.QueryError):
                    raise first from group
                raise _engine_error(first, name) from first

        return translated

    return decorate


def cause(error: dagger.QueryError) -> str:
    """Return the line of an engine's error that names what to fix."""
    if isinstance(error, dagger.ExecError):
        return error_excerpt(str(error), " ".join(error.command), _output(error))
    return error_excerpt(str(error), "", "")


def _engine_error(error: dagger.QueryError, name: str) -> EngineError:
    remedy = engine_remedy(str(error))
    if isinstance(error, dagger.ExecError):
        remedy = remedy or install_remedy(error.command, _output(error))
    return EngineError(cause(error), step=name, remedy=remedy)


def _output(error: dagger.ExecError) -> str:
    return f"{error.stdout}\n{error.stderr}"
