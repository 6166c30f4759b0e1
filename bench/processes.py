"""Programs with a time limit, after which they and everything that they started are killed."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.rows import MeasurementError

ROOT: Final = Path(__file__).parents[1]
_GRACE: Final = 10  # seconds from SIGTERM to SIGKILL
# Characters of a command in an error.
_SHOWN: Final = 120


def run(
    command: Sequence[str | Path],
    *,
    limit: float,
    folder: Path = ROOT,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return its standard output.

    Args:
        command: The program and its arguments.
        limit: The seconds after which it is killed.
        folder: The working directory.
        variables: The whole environment; None for that of this process.

    Raises:
        MeasurementError: if it fails or exceeds its time limit.
    """
    shown = " ".join(map(str, command))[:_SHOWN]
    # A group of its own, so that the processes that it starts can be killed with it.
    with subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"{shown} did not end within {limit:g} s") from None
        finally:
            _end(process)
    if process.returncode:
        raise MeasurementError(f"{shown} ended with status {process.returncode}: {_reason(stderr or stdout)}")
    return stdout


def seconds(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _end(process: "subprocess.Popen[str]") -> None:
    """End a process that still runs, with its group; first by SIGTERM, on which the scripts of ci/engine clean up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)


def _reason(text: str) -> str:
    """Return the last error in the output of a command; the last line if none begins like one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Make says last that a command failed, and before that the command says why.
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or ["no output"])[-1]
