"""Gets the model while the service already answers, and tries again until it has one."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from .. import MODEL_FILE
from ..errors import ModelError
from ..topics import Topic
from . import foreign
from .mlflow_source import fetched
from .settings import Settings

if TYPE_CHECKING:
    import numpy as np

Source = Literal["MODEL_URI", "MODEL_PATH"]

LONGEST_ATTEMPT: Final = 120.0
"""Seconds that no attempt may exceed, unless MODEL_TIMEOUT itself does."""

SHORTEST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0

log = logging.getLogger(__name__)


class Model(Protocol):
    """What the service asks of a model, its own or a foreign one."""

    @property
    def version(self) -> str:
        """The start of the digest of the model's file."""

    @property
    def topics(self) -> Sequence[Topic]:
        """What it can predict, in the order of the probabilities."""

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""

    def probabilities(self, texts: Sequence[str]) -> "np.ndarray":
        """Returns a row for each text and a column for each topic."""


class ModelLoader:
    """The model of a running service, or the reason why there is none yet.

    Attributes:
        model: The model once it is loaded; it is never replaced.
        reason: Why there is no model, for a person; of the last attempt.
        source: The setting that says where the model comes from.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.model: Model | None = None
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
                log.error("no model", extra=_fields(reason=self.reason, retry_in=pause))
            except Exception as error:
                # A task that ends in silence would leave "being loaded" for ever.
                self.reason = f"unexpected {type(error).__name__}; see the log"
                log.exception("no model", extra=_fields(retry_in=pause))
            else:
                version = self.model.version
                log.info("ready", extra=_fields(version=version, source=self.source))
                return
            await asyncio.sleep(pause)

    async def _attempt(self, limit: float) -> Model:
        if self.source == "MODEL_PATH":
            return await self._loaded(self._settings.model_path)
        async with fetched(self._settings, limit) as folder:
            return await self._loaded(folder)

    async def _loaded(self, folder: Path) -> Model:
        allowed = self._settings.model_allowed_pickles
        return await asyncio.to_thread(_load, folder, self.source, allowed)


def _load(folder: Path, source: Source, allowed: Collection[str]) -> Model:
    # Imports numpy: here, on a thread, so that /health answers from the first moment.
    from .. import model

    path = _only_model(folder, source)
    if path.name == MODEL_FILE:
        return model.load(path)
    return foreign.load(path, allowed)


def _only_model(folder: Path, source: Source) -> Path:
    """The model may lie deeper; beside one of this project's, no pickle counts."""
    found = _visible(folder, sorted(folder.rglob(MODEL_FILE)))
    found = found or _visible(folder, foreign.pickles(folder))
    if len(found) != 1:
        raise ModelError(
            f"{source}: {len(found) or 'no'} files named {MODEL_FILE} or like a pickle "
            f"in {folder}, expected one"
        )
    return found[0]


def _visible(folder: Path, paths: list[Path]) -> list[Path]:
    """Without what a killed training left, and what lies behind a volume's links."""
    return [
        path
        for path in paths
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _fields(**fields: object) -> dict[str, object]:
    return {"fields": fields}


def _doubling(first: float, last: float) -> Iterator[float]:
    """Yields ``first``, twice that, and so on without end, up to ``last``."""
    value = first
    while True:
        yield value
        value = max(first, min(2 * value, last))
