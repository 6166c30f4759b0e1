"""Fetches the artifacts that MODEL_URI names, within a time limit."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ..errors import ModelError
from ..reasons import last_words
from .settings import Settings

DOWNLOADER: Final = Path(__file__).with_name("download.py")


@asynccontextmanager
async def fetched(settings: Settings, limit: float) -> AsyncIterator[Path]:
    """Downloads the artifacts of MODEL_URI; gives their folder for the block's time.

    Args:
        settings: Where MLflow is and what to get from it.
        limit: Seconds after which the download is ended.

    Raises:
        ModelError: If MLflow refuses or is not done in time, or nothing can be written.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="model-")
    except OSError as error:
        raise ModelError(
            f"MODEL_URI: no folder for its artifacts: {error.strerror}; "
            "give the service a writable /tmp"
        ) from error
    with folder as name:
        await _download(settings, name, limit)
        yield Path(name)


async def _download(settings: Settings, folder: str, limit: float) -> None:
    process = await asyncio.create_subprocess_exec(
        # -P: beside the script lie modules that MLflow must not find by their names.
        *(sys.executable, "-P", str(DOWNLOADER), folder),
        env=_environment(settings, limit),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # A group of its own: MLflow starts processes too, for large files.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            _, errors = await process.communicate()
    except TimeoutError:
        raise ModelError(
            f"MODEL_URI: MLflow did not deliver within {limit:g} s; "
            "check its address or raise MODEL_TIMEOUT"
        ) from None
    finally:
        # Also when the service stops while it waits.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        # Settings may come from a file instead of the environment.
        token = settings.databricks_token.get_secret_value()
        reason = last_words(errors, "the download ended without a word", token)
        raise ModelError(f"MODEL_URI: {reason}")


def _environment(settings: Settings, limit: float) -> dict[str, str]:
    """The service's own environment, with what MLflow reads from it."""
    mlflow: dict[str, str | None] = {
        "MODEL_URI": settings.model_uri,
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "DATABRICKS_HOST": settings.databricks_host,
        "DATABRICKS_TOKEN": settings.databricks_token.get_secret_value(),
        # One try: the service tries again itself, and a refusal says more than an
        # end by the clock.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": f"{max(1, limit / 2):.0f}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # No word about a missing git: it is the last line that tells what failed.
        "GIT_PYTHON_REFRESH": "quiet",
    }
    given = {name: value for name, value in mlflow.items() if value}
    return {**os.environ, **given}
