"""Running a command in a container and reading how it ended, without taking a finding for a failure of the engine."""

from dataclasses import dataclass

import dagger
from dagger import ReturnType


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, what it wrote, and the container it left."""

    status: int
    stdout: str
    stderr: str
    container: dagger.Container


async def run(container: dagger.Container, command: list[str]) -> Ended:
    """Return how ``command`` ended in ``container``, whatever its exit status."""
    after = container.with_exec(command, expect=ReturnType.ANY)
    status = await after.exit_code()
    return Ended(status, await after.stdout(), await after.stderr(), after)
