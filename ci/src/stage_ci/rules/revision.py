"""The revision of a source: its commit, and its place in history.

Two commits of a branch are compared by the time at which they were committed (git-log(1), ``%cI``), which a clone
without history knows as well. Rebasing, squashing and merging set it anew, so it grows along a branch.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from stage_ci.errors import InvalidInput

# SHA-1 or SHA-256: https://git-scm.com/docs/hash-function-transition
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHOWN: Final = 100  # characters of an invalid revision in an error


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit of the source, and the time in UTC at which it was committed."""

    commit: str
    time: datetime

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the revision in ``text``, which is a commit ID and an ISO 8601 time; None if it is empty.

        >>> str(Revision.parse(f"{'a' * 40} 2026-05-04T14:00:00+02:00"))[-25:]
        '2026-05-04T12:00:00+00:00'

        Raises:
            InvalidInput: if it is anything else, or the time has no offset.
        """
        if not text.strip():
            return None
        commit, _, time = text.strip().partition(" ")
        try:
            moment = datetime.fromisoformat(time.strip())
        except ValueError:
            moment = None
        if not _COMMIT.fullmatch(commit) or moment is None or moment.tzinfo is None:
            raise InvalidInput(
                f"invalid --source-revision={text[:_SHOWN]!r}: expected a commit and its time",
                remedy="give what `git log -1 --format='%H %cI'` prints for the source",
            )
        return cls(commit, moment.astimezone(UTC))

    def is_older_than(self, other: Self) -> bool:
        """Return whether the source was committed before ``other``."""
        return self.time < other.time

    def __str__(self) -> str:
        return f"{self.commit} {self.time.isoformat(timespec='seconds')}"
