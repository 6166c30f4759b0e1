"""Limits on one request; the error response to a larger one names the limit."""

from typing import Final

MAX_CHARACTERS: Final = 20_000
"""Characters of one ticket; the longest real ones have about 7,000."""

MAX_TEXTS: Final = 1_000
"""Tickets of one request: about 40 ms of work. Larger batches would not be faster per
ticket, and would keep other batches waiting longer."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a request's body: the most tickets, at ten times their usual length."""

MAX_BODY_SECONDS: Final = 15.0
"""Seconds from a request's headers to the end of its body. Shorter than the 20 s that
uvicorn waits for running requests when it shuts down (see the Dockerfile)."""

MAX_CHARACTERS_AT_ONCE: Final = 40_000
"""Characters up to which tickets are predicted in the event loop, which takes about 5 ms.
A thread would not let other requests run sooner: 5 ms is Python's switch interval,
https://docs.python.org/3/library/sys.html#sys.setswitchinterval."""
