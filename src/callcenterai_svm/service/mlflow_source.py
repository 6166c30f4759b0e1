"""Fetches the artifacts that MODEL_URI names, within a time limit."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ..errors import ModelError
from .settings import Settings

DOWNLOADER: Final = Path(__file__).with_name("download.py")

# A reason is for a person at a terminal: MLflow's can fill pages.
LONGEST_REASON: Final = 300

# Variables whose values no reason may repeat.
SECRET: Final = re.compile(r"(?:TOKEN|PASSWORD|SECRET|KEY)$")

# User and password in front of a host: RFC 3986, section 3.2.1.
USERINFO: Final = re.compile(r"//[^/@\s]*@")


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
        raise ModelError(f"MODEL_URI: {_reason(settings, errors)}")


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


def _reason(settings: Settings, errors: bytes) -> str:
    """The last line that the download printed, short and without a secret."""
    lines = errors.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else "the download ended without a word"
    # Settings may come from a file instead of the environment.
    secrets = [settings.databricks_token.get_secret_value()]
    secrets += [value for name, value in os.environ.items() if SECRET.search(name)]
    for secret in filter(None, secrets):
        reason = reason.replace(secret, "***")
    return USERINFO.sub("//***@", reason)[:LONGEST_REASON]
