"""Settings of the SDK's logger."""

import logging

from stage_ci.errors import StageError


def without_expected_tracebacks() -> None:
    """Keep the SDK from logging a traceback for an expected failure, whose error has step, cause and remedy."""
    logging.getLogger("dagger.mod").addFilter(_unexpected)


def _unexpected(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], StageError))
