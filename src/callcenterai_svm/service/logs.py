"""Logs events and requests to standard output, one JSON object per line.

No line contains the text of a ticket: a request's line has its route, status and number
of texts, and that of an unexpected exception has its type and traceback, but not its
message, which may quote the input.
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
    """Formats a record as one JSON object, with the record's ``fields`` if it has any."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line without its line break."""
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
    """Sends all logging of this process to standard output, as JSON lines.

    Args:
        level: The lowest level to log: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.error"):
        # uvicorn gives these loggers handlers of its own before it creates the app.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def timestamp(seconds: float) -> str:
    """Formats a Unix time as ISO 8601 in UTC, with milliseconds."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    # Cached for a second, because it takes longer than the rest of a request's line.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def log_request(
    request_id: str, method: str, route: str, status: int, seconds: float, texts: int
) -> None:
    """Writes the line of a request.

    It bypasses ``logging``, which would take longer than everything else that observes a
    request. The values need no escaping: they are constants of the service or validated.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    line = (
        f'{{"time": "{timestamp(time.time())}", "level": "info", "event": "request", '
        f'"id": "{request_id}", "method": "{method}", "route": "{route}", "status": {status}, '
        f'"milliseconds": {seconds * 1000:.3f}, "texts": {texts}}}\n'
    )
    # As in logging: a closed pipe must not fail the request.
    with contextlib.suppress(OSError):
        sys.stdout.write(line)
        sys.stdout.flush()
