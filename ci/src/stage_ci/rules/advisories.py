"""How old a vulnerability database may be.

Format: the metadata.json beside Trivy's database (aquasecurity/trivy-db, pkg/metadata).
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from stage_ci.errors import ScannerUnavailable

# Trivy's own is made every six hours and due again after a day (aquasecurity/trivy-db, .github/workflows/cron.yml and
# pkg/app.go). A mirror may pause over a weekend and a holiday; after a week it is forgotten.
GRACE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Advisories:
    """A vulnerability database.

    Attributes:
        updated: The day it was made.
        rehearsal: Whether it is the authored one, with which a scan is no verdict.
    """

    updated: date
    rehearsal: bool

    @classmethod
    def read(cls, metadata: str, today: date, *, rehearsal: bool) -> Self:
        """Return what a database's metadata.json says.

        Args:
            metadata: The file.
            today: The day of the scan, in UTC.
            rehearsal: Whether it is the authored one. It gives a next update a century away and is never too old.

        Raises:
            ScannerUnavailable: if the file cannot be read, or a newer database should have been there for a week.
        """
        try:
            said = json.loads(metadata)
            updated, due = (date.fromisoformat(said[key][:10]) for key in ("UpdatedAt", "NextUpdate"))
        except (ValueError, KeyError, TypeError) as error:
            raise ScannerUnavailable("the scanner could not run: the database does not say how old it is") from error
        if today - due > GRACE:
            raise ScannerUnavailable(
                f"the scanner could not run: the database is too old, of {updated}, and a newer one was due on {due}",
                remedy="give a database that is kept up to date with --trivy-db",
            )
        return cls(updated, rehearsal)
