"""Writing to the infrastructure repository against other writers: again, after a random pause, within a bound."""

from typing import Final

import tenacity

from stage_ci.errors import InfrastructureUnavailable

# Each lost race means that another run has won one, so this many runs can start at the same moment.
ATTEMPTS: Final = 40
# Seconds after which a run gives up.
LIMIT: Final = 120
# Seconds of the longest pause.
_PAUSE: Final = 2.0


def retry_on_conflict(*raced: type[Exception]) -> tenacity.AsyncRetrying:
    """Return the attempts of a write that can lose a race, told by ``raced``; the last exception comes out as it is.

    A server that breaks off is asked again as well: every write names what it expects to find, so none happens twice.
    """
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type((*raced, InfrastructureUnavailable)),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(LIMIT),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=_PAUSE),
        reraise=True,
    )
