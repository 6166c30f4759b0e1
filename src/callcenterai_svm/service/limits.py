"""Bounds on what one request can make the service hold and do; a refusal names them."""

from typing import Final

MAX_CHARACTERS: Final = 20_000
"""Characters of one ticket; the longest real ones seen have about 7,000."""

MAX_TEXTS: Final = 1_000
"""Tickets of one request: about 40 ms of work. More of them at once would be no faster,
and others would wait for longer."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one request: the most tickets, at ten times their usual length."""

MAX_BODY_SECONDS: Final = 15.0
"""Seconds for a body to arrive once its headers have; below the 20 that a stop waits."""

MAX_CHARACTERS_AT_ONCE: Final = 40_000
"""Characters up to which tickets are predicted between two other requests. It takes about
5 ms, and in less a thread would not let others in: that is Python's switch interval."""
