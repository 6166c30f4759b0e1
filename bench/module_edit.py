"""F4: the first call after an edit of the module itself."""

import secrets
import statistics
from pathlib import Path
from typing import Final

from bench import calls
from bench.processes import ROOT, seconds
from bench.rows import Row
from bench.session import Session, native_state
from bench.sources import edited

ROUNDS: Final = 5
_FILE: Final = Path("ci/src/stage_ci/steps/stage.py")


def measure(session: Session) -> list[Row]:
    """Return the row of F4, or of F4b if the engine has the official runtime of Python modules."""
    module = calls.copy_module(session.folder / "edited-module")
    calls.call(module, "no-op")
    after, before = [], []
    for _ in range(ROUNDS):
        (module / _FILE).write_text(edited((ROOT / _FILE).read_text(), _FILE.suffix, secrets.token_hex(4)))
        after.append(seconds(lambda: calls.call(module, "no-op")))
        before.append(seconds(lambda: calls.call(module, "no-op")))
    name, goal, runtime = (
        ("F4", 4.0, "the runtime of ci/engine") if native_state() else ("F4b", None, "the official runtime")
    )
    reference = f"{runtime}; the same call again: {statistics.median(before):.2f} s"
    return [
        Row.seconds(name, "a call that does nothing, after an edit under ci/", after, reference=reference, goal=goal)
    ]
