"""Downloads the artifacts of MODEL_URI within a time limit."""

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
from ..subprocess_errors import last_error_line
from .settings import Settings

DOWNLOADER: Final = Path(__file__).with_name("download.py")


@asynccontextmanager
async def downloaded_model(settings: Settings, limit: float) -> AsyncIterator[Path]:
    """Downloads the artifacts of MODEL_URI to a temporary folder.

    Args:
        settings: The MLflow server and the model's URI.
        limit: Time limit of the download, in seconds.

    Yields:
        The folder, which is removed at the end of the block.

    Raises:
        ModelError: If MLflow fails or takes too long, or no folder can be created.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="model-")
    except OSError as error:
        raise ModelError(
            f"MODEL_URI: cannot create a temporary folder: {error.strerror}; "
            "give the service a writable /tmp"
        ) from error
    with folder as name:
        await _download(settings, name, limit)
        yield Path(name)


async def _download(settings: Settings, folder: str, limit: float) -> None:
    process = await asyncio.create_subprocess_exec(
        # -P keeps the script's folder off sys.path, where this package's modules could
        # shadow modules that MLflow imports.
        *(sys.executable, "-P", str(DOWNLOADER), folder),
        env=_environment(settings, limit),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # A process group of its own, so that the processes MLflow starts for large files
        # are killed with it.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            _, errors = await process.communicate()
    except TimeoutError:
        raise ModelError(
            f"MODEL_URI: download timed out after {limit:g} s; "
            "check the address of the MLflow server or raise MODEL_TIMEOUT"
        ) from None
    finally:
        # Also reached when the service stops during the download.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        # The token may come from .env and so be missing in os.environ.
        token = settings.databricks_token.get_secret_value()
        default = f"download failed with exit status {process.returncode} and no output"
        raise ModelError(f"MODEL_URI: {last_error_line(errors, default, token)}")


def _environment(settings: Settings, limit: float) -> dict[str, str]:
    """Returns the service's own environment plus the variables for MLflow."""
    mlflow: dict[str, str | None] = {
        "MODEL_URI": settings.model_uri,
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "DATABRICKS_HOST": settings.databricks_host,
        "DATABRICKS_TOKEN": settings.databricks_token.get_secret_value(),
        # One attempt: the service itself retries, and MLflow's own error explains more
        # than a timeout.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": f"{max(1, limit / 2):.0f}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # Without it, a warning about a missing git could be the last line of the output,
        # which is taken for the reason of a failure.
        "GIT_PYTHON_REFRESH": "quiet",
    }
    given = {name: value for name, value in mlflow.items() if value}
    return {**os.environ, **given}
