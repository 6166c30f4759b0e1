"""F2: from an edit of one line to the deployed commit; F5: the containers that run after an edit of each kind."""

import statistics
from pathlib import Path
from typing import Final

from bench import original, steps
from bench.calls import StageRun
from bench.rows import MeasurementError, Row, ratios
from bench.session import Session, Workspace
from bench.sources import EDITED
from stage_ci.rules.timeline import critical_path, svg

ROUNDS: Final = 3
PICTURE: Final = Path(__file__).parent / "timeline.svg"
_WARM: Final = "the same source was staged before the edit"


def measure(session: Session) -> list[Row]:
    """Return the rows of F2, and draw the timeline of the median stage."""
    workspace = session.workspace
    wheels = session.folder / "wheels"
    original.download(workspace.source, wheels)
    runs, no_ops, serial = [], [], []
    for _ in range(ROUNDS):
        runs.append(workspace.stage_after("service"))
        no_ops.append(session.no_op())
        serial.append(original.serial(workspace.source, wheels))
    _raise_if_repeated(runs)
    draw(sorted(runs, key=lambda run: run.seconds)[len(runs) // 2], PICTURE)
    return [
        *service_rows(runs, no_ops, serial),
        *(_kind(workspace, kind) for kind in ("training", "tests", "data", "requirements")),
        _check(workspace, "service", "of the service", "lint"),
        _check(workspace, "tests", "of one test module", "test", f"--only={EDITED['tests']}"),
    ]


def service_rows(runs: list[StageRun], no_ops: list[float], serial: list[float]) -> list[Row]:
    """Return the rows about an edit of the service.

    Args:
        runs: The stages after such an edit.
        no_ops: The seconds of a call that does nothing, after each of them.
        serial: The seconds of the original's jobs with warm caches, after each of them.
    """
    stages = [run.seconds for run in runs]
    chains = [sum(span.seconds for span in critical_path(run.spans)) for run in runs]
    whole = [statistics.median(no_ops) + chain for chain in chains]
    tests = [run.span("test").seconds for run in runs]
    evidence = [run.span("evidence").seconds for run in runs]
    jobs = "the original's jobs one after the other: new environments, of packages downloaded before"
    overhead = "the median of a call that does nothing + the steps on the critical path of the stage's own timeline"
    edit = "one changed line of the service → new version committed"
    return [
        Row.seconds("F2", edit, stages, reference=_WARM, goal=30),
        Row.ratio("F2-ratio", "that stage / the original's jobs", ratios(stages, serial), reference=jobs),
        Row.seconds("F2-original", "the original's jobs with warm caches", serial, reference=jobs),
        Row.ratio("F2b", "that stage / its longest chain", ratios(stages, whole), reference=overhead, goal=1.15),
        Row.seconds("F2-chain", "steps on the critical path of that stage", chains, reference="the stage's timeline"),
        Row.seconds("F2-tests-of-service", "the tests in that stage", tests, reference="the stage's timeline", goal=15),
        Row.seconds("F2-evidence", "the evidence of that stage", evidence, reference="the stage's timeline", goal=1),
    ]


def draw(run: StageRun, path: Path) -> None:
    """Write the timeline of a stage as a picture."""
    title = f"A stage after one changed line of the service: {run.seconds:.1f} s from the start of the CLI to its end"
    path.write_text(svg(run.spans, title))


def containers(session: Session) -> list[Row]:
    """Return the rows of F5."""
    return [container_row(kind, session.workspace.trace(kind).commands) for kind in steps.MAY_RUN]


def container_row(kind: str, commands: list[str]) -> Row:
    """Return the row with the number of containers that ran after an edit, whose goal is that each had a reason."""
    needless = steps.needless(kind, commands)
    ran = [f"{name} ({count})" if count > 1 else name for name, count in _counts(commands).items()]
    reference = f"may run: {', '.join(sorted(steps.MAY_RUN[kind]))}"
    reference += f"; ran for no reason: {'; '.join(needless)}" if needless else ""
    edit = "without an edit" if kind == "none" else f"after an edit of kind {kind}"
    count = len(commands)
    what = f"containers {edit}: {', '.join(ran)}"
    return Row(
        f"F5-{kind}", what, count, "containers", count - len(needless), not needless, reference, 1, float(count), 0.0
    )


def _counts(commands: list[str]) -> dict[str, int]:
    names = [steps.step(command) for command in commands]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _kind(workspace: Workspace, kind: str) -> Row:
    what = f"one changed line of kind {kind} → end of the stage"
    return Row.seconds(f"F2-{kind}", what, [workspace.trace(kind).run.seconds], reference=f"{_WARM}; sends its traces")


def _check(workspace: Workspace, kind: str, where: str, function: str, *arguments: str) -> Row:
    what = f"`dagger call {' '.join([function, *arguments])}` after one changed line {where}"
    runs = [workspace.seconds_after(kind, function, *arguments) for _ in range(ROUNDS)]
    return Row.seconds(f"F2-{function}", what, runs, reference=_WARM, goal=10)


def _raise_if_repeated(runs: list[StageRun]) -> None:
    versions = [run.release["version"] for run in runs]
    if len(set(versions)) < len(versions):
        raise MeasurementError(f"the stages after an edit did not each release a version of their own: {versions}")
