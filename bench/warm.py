"""F1: a stage with nothing to do, compared with a call that does nothing."""

from bench import calls
from bench.processes import ROOT
from bench.rows import Row, ratios
from bench.session import Session

ROUNDS = 5
_REHEARSAL = "bench"


def measure(session: Session) -> list[Row]:
    """Return the rows of F1."""
    calls.stage(session.module, _REHEARSAL, ROOT)  # releases, so that the others have nothing to do
    stages, no_ops = [], []
    for _ in range(ROUNDS):
        stages.append(calls.stage(session.module, _REHEARSAL, ROOT).seconds)
        no_ops.append(session.no_op())
    reference = "the call that does nothing, in turn with it in the same run"
    return [
        Row.ratio("F1", "warm stage / call that does nothing", ratios(stages, no_ops), reference=reference, goal=1.5),
        Row.seconds("F1-stage", "a stage with nothing to do", stages, reference="after a stage of the same source"),
        Row.seconds(
            "F1-no-op", "a call that does nothing", no_ops, reference="an uncached function with an empty body"
        ),
    ]
