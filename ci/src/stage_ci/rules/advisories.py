"""The age of a vulnerability database.

Format: the metadata.json beside Trivy's database (aquasecurity/trivy-db, pkg/metadata).
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from stage_ci.errors import ScannerUnavailable

# Trivy's database is built every six hours, and its next update is due after a day (aquasecurity/trivy-db,
# .github/workflows/cron.yml and pkg/app.go). A mirror may pause over a weekend and a holiday, but not for a week.
GRACE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Advisories:
    """A vulnerability database.

    Attributes:
        updated: The day on which it was built.
        sample: Whether it is the sample database of rehearsals; a scan with it is not a verdict.
    """

    updated: date
    sample: bool

    @classmethod
    def read(cls, metadata: str, today: date, *, sample: bool) -> Self:
        """Return the database that a metadata.json describes.

        Args:
            metadata: The text of the file.
            today: The day of the scan, in UTC.
            sample: Whether it is the sample database, whose next update is due in a century.

        Raises:
            ScannerUnavailable: if the file cannot be read, or the next update is more than a week overdue.
        """
        try:
            fields = json.loads(metadata)
            updated, due = (date.fromisoformat(fields[key][:10]) for key in ("UpdatedAt", "NextUpdate"))
        except (ValueError, KeyError, TypeError) as error:
            raise ScannerUnavailable("the scanner could not run: the database has no readable date") from error
        if today - due > GRACE:
            raise ScannerUnavailable(
                f"the scanner could not run: the database is too old: updated on {updated}, next update due on {due}",
                remedy="give an up-to-date database with --trivy-db",
            )
        return cls(updated, sample)
