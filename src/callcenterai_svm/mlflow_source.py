"""Fetches the model that MODEL_URI names, within a time limit."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from . import MODEL_FILE
from .errors import ModelError
from .settings import Settings

DOWNLOADER: Final = Path(__file__).with_name("download.py")

# A reason is for a person at a terminal: MLflow's can fill pages.
LONGEST_REASON: Final = 300


@asynccontextmanager
async def fetched(settings: Settings, limit: float) -> AsyncIterator[Path]:
    """Downloads the artifacts of MODEL_URI; gives the model's file for the block's time.

    Args:
        settings: Where MLflow is and what to get from it.
        limit: Seconds after which the download is ended.

    Raises:
        ModelError: If MLflow refuses, is not done in time, or has no single model file.
    """
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        await _download(settings, folder, limit)
        yield _only_model(Path(folder))


async def _download(settings: Settings, folder: str, limit: float) -> None:
    process = await asyncio.create_subprocess_exec(
        # -P: beside the script lie modules that MLflow must not find by their names.
        *(sys.executable, "-P", DOWNLOADER, folder),
        env=_environment(settings, limit),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
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
            process.kill()
            await process.wait()
    if process.returncode:
        raise ModelError(f"MODEL_URI: {_reason(settings, errors)}")


def _only_model(folder: Path) -> Path:
    """MODEL_URI may name the model, its folder or a run: the file may lie deeper."""
    found = sorted(folder.rglob(MODEL_FILE))
    if len(found) != 1:
        raise ModelError(
            f"MODEL_URI: {len(found)} files named {MODEL_FILE} among its artifacts, "
            "expected one"
        )
    return found[0]


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
    }
    given = {name: value for name, value in mlflow.items() if value}
    return {**os.environ, **given}


def _reason(settings: Settings, errors: bytes) -> str:
    """The last line that the download printed, short and without the token."""
    lines = errors.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else "the download ended without a word"
    if token := settings.databricks_token.get_secret_value():
        reason = reason.replace(token, "***")
    return reason[:LONGEST_REASON]
