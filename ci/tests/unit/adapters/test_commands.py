"""Errors of the engine, turned into errors of the pipeline."""

import re

import anyio
import pytest
from tests.unit.adapters.engine_errors import ended, failed

from stage_ci.adapters.commands import cause, step
from stage_ci.errors import EngineError, LintFailed


@pytest.mark.fault(33)
def test_the_cause_of_a_failed_command_has_its_output() -> None:
    """The cause of a failed command is the command and the line with its error, from either stream."""
    for streams in ({"stdout": "E: Unable to locate package x\n"}, {"stderr": "E: Unable to locate package x\nbye\n"}):
        assert (
            cause(ended("apt-get", "install", "x", **streams)) == "`apt-get install x`: E: Unable to locate package x"
        )


def test_the_cause_of_another_failure_is_the_engines_message() -> None:
    """If no command failed, such as for a missing image, the cause is the engine's message."""
    assert cause(failed("docker.io/library/nothing:1: not found")) == "docker.io/library/nothing:1: not found"


async def test_a_step_turns_the_engines_error_into_its_own() -> None:
    """An error of the engine inside a step becomes an EngineError with the step's name."""

    @step("publish")
    async def push(tag: str) -> None:
        raise failed(f"{tag}: connection refused")

    with pytest.raises(EngineError, match=r"^publish: v1\.0\.1: connection refused; "):
        await push("v1.0.1")


@pytest.mark.fault(33)
async def test_a_step_turns_the_engines_error_in_a_task_group_into_its_own() -> None:
    """An error of the engine in one of several concurrent tasks becomes an EngineError as well."""

    @step("build")
    async def resolve() -> None:
        async def one(name: str) -> None:
            raise failed(f"docker.io/library/{name}: not found")

        async with anyio.create_task_group() as group:
            group.start_soon(one, "nothing:1")

    with pytest.raises(EngineError, match=r"^build: docker\.io/library/nothing:1: not found; "):
        await resolve()


@pytest.mark.fault(33)
async def test_an_installation_that_fails_again_is_not_run_again() -> None:
    """The error of requirements that cannot be resolved names the file to correct."""

    @step("test")
    async def install() -> None:
        raise ended(
            "uv", "pip", "install", "--requirement", "requirements", stderr="error: Couldn't parse requirement\n"
        )

    with pytest.raises(EngineError, match=r"Couldn't parse requirement; correct requirements$"):
        await install()


async def test_a_step_changes_nothing_else() -> None:
    """A step returns results and raises other errors of the pipeline unchanged."""

    @step("lint")
    async def lint(*, clean: bool) -> int:
        if clean:
            return 4
        raise LintFailed("flake8: src/a.py")

    assert await lint(clean=True) == 4
    assert lint.__name__ == "lint"
    with pytest.raises(LintFailed):
        await lint(clean=False)


@pytest.mark.parametrize(("times", "called"), [(0, 1), (2, 3), (11, 12), (12, 12)])
@pytest.mark.parametrize(
    "message",
    [
        "failed to mount /tmp/buildkit-mount1: no such file or directory",
        "failed to commit a to b during finalize: failed to stat active key during commit: snapshot a does not exist",
    ],
)
async def test_a_step_whose_folder_the_engine_lost_is_repeated(
    monkeypatch: pytest.MonkeyPatch, message: str, times: int, called: int
) -> None:
    """Engine 0.19.10 may fail to mount a folder, or delete one that is in use: a step is tried for half a minute."""
    calls: list[int] = []
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("asyncio.sleep", wait)

    @step("services")
    async def start() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise failed(message)
        return "started"

    if times < 12:
        assert await start() == "started"
    else:
        with pytest.raises(EngineError, match=f"^services: {re.escape(message)}"):
            await start()
    assert len(calls) == called
    assert sum(waits) <= 40
