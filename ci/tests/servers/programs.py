"""Servers that are programs of others, which tests start and wait for."""

import subprocess
import time
from pathlib import Path
from typing import Any

import httpx


def wait_until_answers(process: subprocess.Popen[Any], url: str, log: Path, seconds: float) -> None:
    """Wait until a server answers without an error; fail with the end of its output if it ends or takes too long.

    Args:
        process: The server.
        url: An address that answers without an error as soon as the server is ready.
        log: The file that has its output.
        seconds: How long to wait.
    """
    deadline = time.monotonic() + seconds
    while not _answers(url):
        output = log.read_text(errors="replace")[-2000:]
        assert process.poll() is None, output
        assert time.monotonic() < deadline, output
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.TransportError:
        return False
