"""Retries of writes to the infrastructure repository, for which runs compete with other writers."""

from typing import Final

import tenacity

from stage_ci.errors import InfrastructureUnavailable

# Of the runs that compete, one succeeds in each round, so this many runs can start at the same time.
ATTEMPTS: Final = 40
# The seconds after which a run starts no further attempt.
LIMIT: Final = 120
# The longest pause in seconds.
_PAUSE: Final = 2.0


def retry_on_conflict(*conflicts: type[Exception]) -> tenacity.AsyncRetrying:
    """Return a retry of a write after each of ``conflicts``, with random pauses; it raises the last exception.

    An interrupted exchange is retried as well. That is safe because each write names the state that it expects, so the
    server rejects it if it has already happened.

    Args:
        conflicts: The exceptions that report that another writer was faster.
    """
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type((*conflicts, InfrastructureUnavailable)),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(LIMIT),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=_PAUSE),
        reraise=True,
    )
