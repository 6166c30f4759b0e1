"""Loads the model in the background and retries until it succeeds."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from .. import MODEL_FILE
from ..errors import ModelError
from ..topics import Topic
from . import pickled_models
from .mlflow_source import downloaded_model
from .settings import Settings

if TYPE_CHECKING:
    import numpy as np

Source = Literal["MODEL_URI", "MODEL_PATH"]

MAX_ATTEMPT_SECONDS: Final = 120.0
"""Longest time limit of an attempt, unless MODEL_TIMEOUT itself is longer."""

# Pauses between attempts: each is twice the one before.
MIN_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class Model(Protocol):
    """The interface of the models that the service can use."""

    @property
    def version(self) -> str:
        """First twelve hex digits of the SHA-256 of the model file."""

    @property
    def topics(self) -> Sequence[Topic]:
        """The topics it predicts, in the order of the probabilities."""

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Returns the topic of each text, in order."""

    def probabilities(self, texts: Sequence[str]) -> "np.ndarray":
        """Returns the probabilities: one row per text, one column per topic."""


class ModelLoader:
    """The model of a running service, or the reason why it has none yet.

    Attributes:
        model: The model, once it is loaded; it is never replaced.
        reason: Why there is no model: the error of the last attempt.
        source: The setting that locates the model.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.model: Model | None = None
        self.reason = "the model is being loaded"
        self.source: Source = "MODEL_URI" if settings.model_uri else "MODEL_PATH"

    async def run(self) -> None:
        """Tries to load the model until an attempt succeeds."""
        limits = _backoff(self._settings.model_timeout, MAX_ATTEMPT_SECONDS)
        pauses = _backoff(MIN_RETRY_SECONDS, MAX_RETRY_SECONDS)
        for limit, pause in zip(limits, pauses, strict=True):
            try:
                self.model = await self._attempt(limit)
            except ModelError as error:
                self.reason = str(error)
                log.error("no model", extra=_fields(reason=self.reason, retry_in=pause))
            except Exception as error:
                # Without this, the task would end silently and the reason would stay
                # "the model is being loaded".
                self.reason = f"unexpected {type(error).__name__}; see the log"
                log.exception("no model", extra=_fields(retry_in=pause))
            else:
                version = self.model.version
                log.info("ready", extra=_fields(version=version, source=self.source))
                return
            await asyncio.sleep(pause)

    async def _attempt(self, limit: float) -> Model:
        if self.source == "MODEL_PATH":
            return await self._load_from(self._settings.model_path)
        async with downloaded_model(self._settings, limit) as folder:
            return await self._load_from(folder)

    async def _load_from(self, folder: Path) -> Model:
        allowed = self._settings.model_allowed_pickles
        return await asyncio.to_thread(_load, folder, self.source, allowed)


def _load(folder: Path, source: Source, allowed: Collection[str]) -> Model:
    # Imported here, in a thread, because it imports numpy: /health answers meanwhile.
    from .. import model

    path = _find_model(folder, source)
    if path.name == MODEL_FILE:
        return model.load(path)
    return pickled_models.load(path, allowed)


def _find_model(folder: Path, source: Source) -> Path:
    """Returns the one model file at any depth; pickles count only if there is no other."""
    found = _visible(folder, sorted(folder.rglob(MODEL_FILE)))
    found = found or _visible(folder, pickled_models.pickles(folder))
    if len(found) != 1:
        raise ModelError(
            f"{source}: expected one {MODEL_FILE} or pickle in {folder}, "
            f"found {len(found) or 'none'}"
        )
    return found[0]


def _visible(folder: Path, paths: list[Path]) -> list[Path]:
    """Drops hidden paths: leftovers of a killed training, and volume internals.

    Kubernetes keeps the files of a ConfigMap or projected volume in hidden folders, and
    links to them.
    """
    return [
        path
        for path in paths
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _fields(**fields: object) -> dict[str, object]:
    return {"fields": fields}


def _backoff(first: float, last: float) -> Iterator[float]:
    """Yields ``first``, then twice the value before, up to ``last``, without end."""
    value = first
    while True:
        yield value
        value = max(first, min(2 * value, last))
