"""How old a vulnerability database may be."""

import json
import tarfile
from datetime import date, timedelta
from importlib import resources
from typing import Final

import pytest

from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.advisories import GRACE, Advisories

# As Trivy leaves it beside a downloaded database.
METADATA: Final = json.dumps(
    {
        "Version": 2,
        "NextUpdate": "2026-05-05T06:13:20.123456789Z",
        "UpdatedAt": "2026-05-04T06:13:20.123456789Z",
        "DownloadedAt": "2026-05-04T09:00:00.1Z",
    }
)
DUE: Final = date(2026, 5, 5)


@pytest.mark.fault(37)
@pytest.mark.parametrize("today", [date(2026, 5, 4), DUE, DUE + GRACE])
def test_a_database_may_be_a_week_overdue(today: date) -> None:
    """A mirror may pause for some days; how old it is, the summary says."""
    assert Advisories.read(METADATA, today, rehearsal=False).updated == date(2026, 5, 4)


@pytest.mark.fault(37)
def test_a_database_that_nobody_keeps_up_to_date_is_no_database() -> None:
    """What was found since is not in it, so its pass would be none."""
    with pytest.raises(ScannerUnavailable) as refused:
        Advisories.read(METADATA, DUE + GRACE + timedelta(days=1), rehearsal=False)
    assert str(refused.value) == (
        "scan: the scanner could not run: the database is too old, of 2026-05-04, and a newer one was due on 2026-05-05"
        "; give a database that is kept up to date with --trivy-db"
    )


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{}",
        "[]",
        "null",
        "7",
        '{"UpdatedAt": "2026-05-04T06:13:20Z"}',
        '{"UpdatedAt": "2026-05-04T06:13:20Z", "NextUpdate": null}',
        '{"UpdatedAt": 7, "NextUpdate": 7}',
        '{"UpdatedAt": "soon", "NextUpdate": "later"}',
        '{"UpdatedAt": "0001-01-01T00:00:00Z", "NextUpdate": "0001-01-01T00:00:00Z"}',
    ],
)
def test_a_database_of_no_date_is_no_database(broken: str) -> None:
    """How old the answer is belongs to it; Go writes the year 1 where it knows none."""
    with pytest.raises(ScannerUnavailable, match=r"^scan: the scanner could not run: the database"):
        Advisories.read(broken, date(2026, 5, 4), rehearsal=False)


def test_the_authored_database_is_never_too_old() -> None:
    """Nothing newer will come, so it says that none is due for a century."""
    layer = resources.files("stage_ci.adapters").joinpath("trivy-db.tar.gz")
    with layer.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as archive:
        member = archive.extractfile("metadata.json")
        assert member
        metadata = member.read().decode()
    assert Advisories.read(metadata, date(2100, 1, 1), rehearsal=True).rehearsal
