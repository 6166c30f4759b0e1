"""Reads and writes the record of a version."""

from typing import Final

import tenacity

from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.rules.record import Record, raise_if_swapped, record_ref
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.version import Version
from stage_ci.steps.retry import retry_on_conflict

# The seconds for which a run waits until another one has recorded the tag that it has just written; a run takes two
# requests from the tag to the record.
WAIT: Final = 10.0
_PAUSE: Final = 0.5


async def read_record(version: Version, infrastructure: Infrastructure, line: ReleaseLine) -> Record | None:
    """Return the record of a version; None if it was never recorded.

    Raises:
        InvalidRecord: if the record names another image or version, or has no valid digest.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    text = await infrastructure.read(record_ref(line.repository, version))
    return None if text is None else Record.parse(text, line.repository, version)


async def wait_for_record(version: Version, infrastructure: Infrastructure, line: ReleaseLine) -> Record | None:
    """Return the record of a version that a concurrent run may be about to write; None if none appears in time.

    Raises:
        InvalidRecord: if the record names another image or version, or has no valid digest.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    waiting = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda record: record is None),
        stop=tenacity.stop_before_delay(WAIT),
        wait=tenacity.wait_fixed(_PAUSE),
        retry_error_callback=lambda _: None,
    )
    found: Record | None = await waiting(read_record, version, infrastructure, line)
    return found


async def write_record(record: Record, infrastructure: Infrastructure, line: ReleaseLine) -> Record | None:
    """Record a version; return its record if it was recorded before, with the same digest, or else None.

    Raises:
        SwappedTag: if it was recorded before with another digest.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    try:
        await retry_on_conflict()(infrastructure.create, record.ref, record.text())
    except RefConflict:
        before = await read_record(record.version, infrastructure, line)
        if before:
            raise_if_swapped(before, record.digest)
        return before
    return None
