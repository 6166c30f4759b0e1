"""How a failure of the engine is told, from the SDK's own errors."""

import anyio
import dagger
import gql
import pytest
from dagger import QueryError

from stage_ci.adapters.commands import cause, step
from stage_ci.errors import EngineError, LintFailed

REQUEST = gql.gql("{ container { sync } }")


def failed(message: str, **extensions: object) -> dagger.QueryError:
    """Return the error that the SDK makes of an engine's answer."""
    value = type("Value", (), {"message": message, "extensions": extensions, "__str__": lambda self: self.message})
    return QueryError([value()], REQUEST)


def ended(*command: str, stdout: str = "", stderr: str = "") -> dagger.QueryError:
    """Return the error of a command that ended with status 1."""
    message = "process did not complete successfully: exit code: 1"
    return failed(message, _type="EXEC_ERROR", cmd=list(command), exitCode=1, stdout=stdout, stderr=stderr)


@pytest.mark.fault(33)
def test_a_command_is_told_with_what_it_wrote() -> None:
    """The line that names the package, whichever stream it came from."""
    for streams in ({"stdout": "E: Unable to locate package x\n"}, {"stderr": "E: Unable to locate package x\nbye\n"}):
        assert (
            cause(ended("apt-get", "install", "x", **streams)) == "`apt-get install x`: E: Unable to locate package x"
        )


def test_what_is_no_command_is_told_by_the_engine() -> None:
    """An image that cannot be had, a service that does not start."""
    assert cause(failed("docker.io/library/nothing:1: not found")) == "docker.io/library/nothing:1: not found"


async def test_a_step_tells_the_engine_s_failure_as_its_own() -> None:
    """A line with step, cause and remedy instead of the SDK's traceback."""

    @step("publish")
    async def push(tag: str) -> None:
        raise failed(f"{tag}: connection refused")

    with pytest.raises(EngineError, match=r"^publish: v1\.0\.1: connection refused; "):
        await push("v1.0.1")


@pytest.mark.fault(33)
async def test_a_step_tells_the_engine_s_failure_out_of_a_task_group() -> None:
    """Three linters or several base images are asked for side by side; one of them cannot be had."""

    @step("build")
    async def resolve() -> None:
        async def one(name: str) -> None:
            raise failed(f"docker.io/library/{name}: not found")

        async with anyio.create_task_group() as group:
            group.start_soon(one, "nothing:1")

    with pytest.raises(EngineError, match=r"^build: docker\.io/library/nothing:1: not found; "):
        await resolve()


async def test_a_step_lets_everything_else_pass() -> None:
    """Results, and failures that already say what they are."""

    @step("lint")
    async def lint(*, clean: bool) -> int:
        if clean:
            return 4
        raise LintFailed("flake8: src/a.py")

    assert await lint(clean=True) == 4
    assert lint.__name__ == "lint"
    with pytest.raises(LintFailed):
        await lint(clean=False)
