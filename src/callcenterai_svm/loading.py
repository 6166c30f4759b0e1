"""Gets the model while the service already answers, and tries again until it has one."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from . import MODEL_FILE
from .errors import ModelError
from .mlflow_source import fetched
from .settings import Settings

if TYPE_CHECKING:
    from .model import TopicModel

Source = Literal["MODEL_URI", "MODEL_PATH"]

LONGEST_ATTEMPT: Final = 120.0
"""Seconds that no attempt may exceed, unless MODEL_TIMEOUT itself does."""

SHORTEST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0

# The server prints its own loggers, and no other.
log = logging.getLogger("uvicorn.error")


class ModelLoader:
    """The model of a running service, or the reason why there is none yet.

    Attributes:
        model: The model once it is loaded; it is never replaced.
        reason: Why there is no model, for a person; of the last attempt.
        source: The setting that says where the model comes from.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.model: TopicModel | None = None
        self.reason = "the model is being loaded"
        self.source: Source = "MODEL_URI" if settings.model_uri else "MODEL_PATH"

    async def run(self) -> None:
        """Returns when the model is there; a registry that comes back late will do."""
        limits = _doubling(self._settings.model_timeout, LONGEST_ATTEMPT)
        pauses = _doubling(SHORTEST_PAUSE, LONGEST_PAUSE)
        for limit, pause in zip(limits, pauses, strict=True):
            try:
                self.model = await self._attempt(limit)
            except ModelError as error:
                self.reason = str(error)
                log.error("model: %s; next attempt in %.0f s", error, pause)
            except Exception as error:
                # A task that ends in silence would leave "being loaded" for ever.
                self.reason = f"unexpected {type(error).__name__}; see the log"
                log.exception("model: next attempt in %.0f s", pause)
            else:
                log.info("model: version %s ready", self.model.version)
                return
            await asyncio.sleep(pause)

    async def _attempt(self, limit: float) -> "TopicModel":
        if not self._settings.model_uri:
            path = self._settings.model_path / MODEL_FILE
            return await asyncio.to_thread(_load, path)
        async with fetched(self._settings, limit) as path:
            return await asyncio.to_thread(_load, path)


def _load(path: Path) -> "TopicModel":
    # Importing scikit-learn takes seconds: here, off the event loop, so that /health
    # answers from the first moment.
    from . import model

    return model.load(path)


def _doubling(first: float, last: float) -> Iterator[float]:
    """Yields ``first``, twice that, and so on without end, up to ``last``."""
    value = first
    while True:
        yield value
        value = max(first, min(2 * value, last))
