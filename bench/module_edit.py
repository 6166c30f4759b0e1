"""F4: the first call after an edit of the module itself."""

import secrets
import statistics
from pathlib import Path
from typing import Final

from bench import calls
from bench.processes import seconds
from bench.rows import Row
from bench.session import Session, native_state
from bench.sources import edited

ROUNDS: Final = 5
_FILE: Final = Path("ci/src/stage_ci/steps/stage.py")
_MINIMAL_FILE: Final = Path("ci/src/stage_ci/__init__.py")


def measure(session: Session) -> list[Row]:
    """Return the rows of F4."""
    module = calls.copy_module(session.folder / "edited-module")
    minimal = calls.minimal_module(session.folder / "minimal-module")
    calls.call(module, "no-op")
    calls.call(minimal, "no-op")
    after, before, least = [], [], []
    for _ in range(ROUNDS):
        after.append(_after_edit(module, _FILE))
        before.append(seconds(lambda: calls.call(module, "no-op")))
        least.append(_after_edit(minimal, _MINIMAL_FILE))
    name, goal, runtime = (
        ("F4", 4.0, "the runtime of ci/engine") if native_state() else ("F4b", None, "the official runtime")
    )
    reference = f"{runtime}; the same call again: {statistics.median(before):.2f} s"
    what = "a call that does nothing, after an edit under ci/"
    return [
        Row.seconds(name, what, after, reference=reference, goal=goal),
        Row.seconds(f"{name}-minimal", "the same in a module with one function", least, reference=runtime),
    ]


def _after_edit(module: Path, file: Path) -> float:
    path = module / file
    path.write_text(edited(path.read_text(), path.suffix, secrets.token_hex(4)))
    return seconds(lambda: calls.call(module, "no-op"))
