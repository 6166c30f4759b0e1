"""One line of JSON for each event and each request, on standard output.

No line holds the text of a ticket: requests are told by route, status and count, and of
an exception nobody expected only its kind and its place, because its message may quote
what it stumbled over.
"""

import contextlib
import json
import logging
import sys
import time
import traceback
from functools import lru_cache
from typing import Any

log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object, with what was given as ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, without its end."""
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and (error := record.exc_info[1]):
            frames = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["at"] = [f"{f.filename}:{f.lineno} {f.name}" for f in frames]
        return json.dumps(line)


def configure(level: str) -> None:
    """Sends all logging of this process to standard output, in lines of JSON.

    Args:
        level: The least that is written: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.error"):
        # The server has set these up for itself.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def timestamp(seconds: float) -> str:
    """Writes a time as ISO 8601 in UTC, to the millisecond."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    # Once a second, because it takes longer than the rest of a request's line.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def request(
    number: str, method: str, route: str, status: int, seconds: float, texts: int
) -> None:
    """Writes the line of a request.

    By itself and not by way of ``logging``, which takes several times as long: more
    than all else that is done to observe a request. All values are the service's own
    words or checked, so none needs escaping.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    line = (
        f'{{"time": "{timestamp(time.time())}", "level": "info", "event": "request", '
        f'"id": "{number}", "method": "{method}", "route": "{route}", "status": {status}, '
        f'"milliseconds": {seconds * 1000:.3f}, "texts": {texts}}}\n'
    )
    # As logging does: who reads the log and goes away does not end the service.
    with contextlib.suppress(OSError):
        sys.stdout.write(line)
        sys.stdout.flush()
