"""How a stage ended, by what it published and what became of the manifest."""

import pytest
from tests.unit.steps.releasing import LINE, PUSHED, record

from stage_ci.rules.decisions import Move, MoveState
from stage_ci.rules.release import Outcome
from stage_ci.steps.deploy import Deployed
from stage_ci.steps.publish import Published
from stage_ci.steps.stage import outcome


@pytest.mark.fault(17, 29)
@pytest.mark.parametrize(
    ("pushed", "state", "expected"),
    [
        (True, MoveState.MOVED, Outcome.RELEASED),
        (False, MoveState.MOVED, Outcome.RELEASED),
        (True, MoveState.UNCHANGED, Outcome.RELEASED),
        (False, MoveState.UNCHANGED, Outcome.ALREADY_RELEASED),
        pytest.param(True, MoveState.SUPERSEDED, Outcome.SUPERSEDED, marks=pytest.mark.fault(17)),
        pytest.param(False, MoveState.SUPERSEDED, Outcome.SUPERSEDED, marks=pytest.mark.fault(17)),
        pytest.param(True, MoveState.HELD, Outcome.HELD, marks=pytest.mark.fault(29)),
        pytest.param(False, MoveState.HELD, Outcome.HELD, marks=pytest.mark.fault(29)),
    ],
)
def test_an_outcome_follows_from_the_push_and_the_move(*, pushed: bool, state: MoveState, expected: Outcome) -> None:
    """A stage that neither pushes nor moves anything is already released; a hold and a newer version have outcomes."""
    published = Published(record(LINE, PUSHED), pushed=pushed)
    assert outcome(published, Deployed("c", Move(state, b""))) is expected
