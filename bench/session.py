"""What the measurements of one run share: a folder, the module with one more function, and an edited source."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from bench import calls, sources, steps
from bench.calls import StageRun
from bench.processes import seconds
from bench.rows import MeasurementError
from bench.traces import TraceReceiver, containers, spans

RUNNER: Final = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
_REHEARSAL: Final = "bench-edits"
# An edit of the tests changes no input of the image, so the stage finds the release of the same inputs.
_OUTCOMES: Final = {"none": "already-released", "tests": "already-released"}


@dataclass(frozen=True, slots=True)
class Traced:
    """One stage after an edit, and the commands of the containers that it ran."""

    run: StageRun
    commands: list[str]


@dataclass
class Workspace:
    """A source that is edited and staged.

    Attributes:
        module: The folder of the module.
        source: The folder of the source.
        traced: The stages with traces, by the kind of edit.
    """

    module: Path
    source: Path
    traced: dict[str, Traced] = field(default_factory=dict)

    def stage_after(self, kind: str) -> StageRun:
        """Edit one line and stage the source.

        Raises:
            MeasurementError: if the stage fails, or does not release what the edit changes.
        """
        run = self._stage_after(kind)
        self._raise_if_unexpected(kind, run)
        return run

    def trace(self, kind: str) -> Traced:
        """Edit one line and stage the source with traces; the result of the first call is kept.

        Raises:
            MeasurementError: if the stage fails, does not release what the edit changes, or sends no traces.
        """
        if kind not in self.traced:
            # Another measurement may have edited the source since the last stage.
            self.stage()
            with TraceReceiver() as receiver:
                run = self._stage_after(kind, receiver)
            commands = containers(spans(receiver.bodies))
            if not any(steps.step(command) == "module" for command in commands):
                raise MeasurementError("the traces of the stage do not show the container of the module itself")
            self._raise_if_unexpected(kind, run)
            self.traced[kind] = Traced(run, commands)
        return self.traced[kind]

    def stage(self) -> StageRun:
        """Stage the source as it is."""
        return calls.stage(self.module, _REHEARSAL, self.source)

    def seconds_after(self, kind: str, function: str, *arguments: str) -> float:
        """Edit one line and return the seconds that a function of the module takes for the source."""
        sources.edit(self.source, kind)
        return seconds(lambda: calls.call(self.module, function, f"--source={self.source}", *arguments))

    def _stage_after(self, kind: str, receiver: TraceReceiver | None = None) -> StageRun:
        if kind != "none":
            sources.edit(self.source, kind)
        return calls.stage(self.module, _REHEARSAL, self.source, receiver.variables if receiver else None)

    @staticmethod
    def _raise_if_unexpected(kind: str, run: StageRun) -> None:
        outcome, expected = run.release["outcome"], _OUTCOMES.get(kind, "released")
        if outcome != expected:
            raise MeasurementError(f"the stage after an edit of kind {kind!r} ended as {outcome}, expected {expected}")


@dataclass
class Session:
    """One run of the benchmarks.

    Attributes:
        folder: A temporary folder.
    """

    folder: Path

    @cached_property
    def module(self) -> Path:
        """The folder of the module with the function `no-op`, which has been called once."""
        folder = calls.copy_module(self.folder / "module")
        calls.call(folder, "no-op")
        return folder

    @cached_property
    def workspace(self) -> Workspace:
        """A copy of the service's source, which has been staged once."""
        calls.reset(self.module, _REHEARSAL)  # of the previous run
        workspace = Workspace(self.module, sources.copy_source(self.folder / "source"))
        workspace.stage()
        return workspace

    def no_op(self) -> float:
        """Return the seconds of a call that does nothing, which every uncached call takes."""
        return seconds(lambda: calls.call(self.module, "no-op"))


def native_state() -> Path | None:
    """Return the state folder of the engine of ci/engine; None if another engine is used."""
    socket = Path(os.environ.get(RUNNER, "").removeprefix("unix://"))
    state = socket.parents[1] if len(socket.parents) > 1 else None
    return state if state and (state / ".stage-engine").exists() else None
