"""The age of a vulnerability database."""

import json
import tarfile
from datetime import date, timedelta
from importlib import resources
from typing import Final

import pytest

from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.advisories import GRACE, Advisories

# Trivy writes such a file beside the database that it downloads.
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
    """A database is accepted until its next update is a week overdue."""
    assert Advisories.read(METADATA, today, sample=False).updated == date(2026, 5, 4)


@pytest.mark.fault(37)
def test_an_outdated_database_is_rejected() -> None:
    """A database whose next update is more than a week overdue is an error that names both dates."""
    with pytest.raises(ScannerUnavailable) as rejected:
        Advisories.read(METADATA, DUE + GRACE + timedelta(days=1), sample=False)
    assert str(rejected.value) == (
        "scan: the scanner could not run: the database is too old: updated on 2026-05-04, next update due on 2026-05-05"
        "; give an up-to-date database with --trivy-db"
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
def test_a_database_without_a_valid_date_is_rejected(broken: str) -> None:
    """A database with missing or invalid dates is an error; the year 1 is Go's zero value for a time."""
    with pytest.raises(ScannerUnavailable, match=r"^scan: the scanner could not run: the database"):
        Advisories.read(broken, date(2026, 5, 4), sample=False)


def test_the_sample_database_does_not_expire() -> None:
    """The sample database of the module is accepted in the year 2100."""
    layer = resources.files("stage_ci.adapters").joinpath("trivy-db.tar.gz")
    with layer.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as archive:
        member = archive.extractfile("metadata.json")
        assert member
        metadata = member.read().decode()
    assert Advisories.read(metadata, date(2100, 1, 1), sample=True).sample
