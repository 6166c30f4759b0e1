"""What a stage has come to, by what it published and what became of the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import pytest

from stage_ci.rules.manifest import Change, Hold
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, Outcome
from stage_ci.steps.deploy import Deployed
from stage_ci.steps.publish import Published
from stage_ci.steps.request import ManifestLocation, ReleaseLine, ReleaseRequest
from stage_ci.steps.stage import release

if TYPE_CHECKING:
    import dagger

LINE: Final = ReleaseLine.parse("owner/service", "v1.0")
PLACE: Final = ManifestLocation("main", Filename.parse("svm.yaml"))
MOVED: Final = Change("Pod/svm", 7, "owner/service:v1.0.1", "owner/service:v1.0.2")
HELD: Final = Change("Pod/svm", 8, "owner/service:v1.0.1", "owner/service:v1.0.1", Hold(8, "alice"))
NEWER: Final = LINE.versions.version(3)


@pytest.mark.fault(17, 29)
@pytest.mark.parametrize(
    ("pushed", "deployed", "outcome"),
    [
        (True, Deployed("c", (MOVED,)), Outcome.RELEASED),
        (False, Deployed("c", (MOVED,)), Outcome.RELEASED),
        (True, Deployed("c"), Outcome.RELEASED),
        (False, Deployed("c"), Outcome.ALREADY_RELEASED),
        pytest.param(True, Deployed("c", superseded_by=NEWER), Outcome.SUPERSEDED, marks=pytest.mark.fault(17)),
        pytest.param(False, Deployed("c", superseded_by=NEWER), Outcome.SUPERSEDED, marks=pytest.mark.fault(17)),
        pytest.param(True, Deployed("c", (), (HELD,), all_held=True), Outcome.HELD, marks=pytest.mark.fault(29)),
        pytest.param(False, Deployed("c", (), (HELD,), all_held=True), Outcome.HELD, marks=pytest.mark.fault(29)),
        pytest.param(True, Deployed("c", (MOVED,), (HELD,)), Outcome.RELEASED, marks=pytest.mark.fault(29)),
        pytest.param(False, Deployed("c", (), (HELD,)), Outcome.ALREADY_RELEASED, marks=pytest.mark.fault(29)),
    ],
)
def test_an_outcome_says_whether_the_manifest_names_the_version(
    *, pushed: bool, deployed: Deployed, outcome: Outcome
) -> None:
    """Superseded and held are what they are whether this run pushed the image or an earlier one."""
    order = ReleaseRequest(cast("dagger.Directory", None), LINE, "owner/infra", PLACE)
    published = Published(LINE.versions.version(2), Digest.parse(f"sha256:{'d' * 64}"), pushed=pushed)
    told = release(order, published, deployed, {}, None)
    assert told.outcome is outcome
    assert told.deployed == deployed.lines(PLACE.filename)
