"""F9: from a machine without an engine to the first release, and the second start.

Stops the engine of ci/engine, sets up another one in a temporary folder, from a fresh clone and with empty caches of
Go, and starts the former engine again at the end.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from bench.processes import ROOT, run, seconds
from bench.rows import MeasurementError, Row
from bench.session import RUNNER, Session, native_state

FIRST_LIMIT: Final = 2_400  # seconds
SECOND_LIMIT: Final = 300
_SWITCH_LIMIT: Final = 600  # to stop or to start an engine
_ENGINE: Final = ROOT / "ci/engine"


def measure(_: Session) -> list[Row]:
    """Return the rows of F9.

    Raises:
        MeasurementError: if the engine is another one than that of ci/engine, or if a command fails.
    """
    state = native_state()
    if state is None:
        raise MeasurementError("F9 sets up the engine of ci/engine, and this machine uses another engine")
    # Next to the state folder, because /tmp may be in memory; an engine takes several gigabytes.
    folder = Path(mkdtemp(prefix="bench-bare-", dir=state.parent))
    variables = environment(os.environ, folder, state)
    former = os.environ | {"STAGE_ENGINE_STATE": str(state)}
    run([_ENGINE / "down"], limit=_SWITCH_LIMIT, variables=former)
    try:
        return set_up(folder, variables)
    finally:
        try:
            # Fails if something is still mounted in the state folder; then nothing is removed.
            run([_ENGINE / "clean"], limit=_SWITCH_LIMIT, variables=variables)
            shutil.rmtree(folder)
        finally:
            run([_ENGINE / "up"], limit=_SWITCH_LIMIT, variables=former)


def set_up(folder: Path, variables: Mapping[str, str]) -> list[Row]:
    """Set up an engine in ``folder``, release, and release again after a restart of the engine; return the rows."""
    clone = folder / "clone"
    run(["git", "clone", "--quiet", ROOT, clone], limit=_SWITCH_LIMIT)
    stage = ["make", "--no-print-directory", "stage"]
    first = seconds(lambda: run(stage, limit=FIRST_LIMIT, folder=clone, variables=variables))
    run([_ENGINE / "down"], limit=_SWITCH_LIMIT, variables=variables)
    second = seconds(lambda: run(stage, limit=SECOND_LIMIT, folder=clone, variables=variables))
    empty = (
        "fresh clone of the last commit, empty state folder, caches and modules of Go; Debian's packages are installed"
    )
    return [
        Row.seconds("F9", "`make stage` on a bare machine → first release", [first], reference=empty, goal=660),
        Row.seconds(
            "F9-second", "`make stage` with the engine stopped", [second], reference="after F9's release", goal=10
        ),
    ]


def environment(variables: Mapping[str, str], folder: Path, state: Path) -> dict[str, str]:
    """Return the variables of a shell that has no engine yet, and whose caches are in ``folder``.

    Args:
        variables: The variables of this process.
        folder: The folder of everything that the new engine needs.
        state: The state folder of the engine of this process, whose `dagger` is taken off the PATH.
    """
    # Make passes the arguments of `make bench ARGS=…` on as variables, which `make stage` would read.
    own = {RUNNER, "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "ARGS", "SETTINGS", "DATA"}
    path = [entry for entry in variables["PATH"].split(os.pathsep) if Path(entry) != state / "bin"]
    return {name: value for name, value in variables.items() if name not in own} | {
        "PATH": os.pathsep.join(path),
        "STAGE_ENGINE_STATE": str(folder / "state"),
        "GOCACHE": str(folder / "go-build"),
        "GOMODCACHE": str(folder / "go-modules"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
