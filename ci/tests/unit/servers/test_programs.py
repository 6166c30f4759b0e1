"""Waiting for a server that is a program of its own."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.servers.programs import wait_until_answers

SERVE = (
    "import http.server as http; http.HTTPServer(('127.0.0.1', {port}), http.SimpleHTTPRequestHandler).serve_forever()"
)


@pytest.mark.parametrize(
    ("code", "seconds", "error"),
    [
        (SERVE, 20, None),
        ("print('no such folder')", 20, "no such folder"),
        ("import time; print('waiting', flush=True); time.sleep(60)", 2, "waiting"),
    ],
    ids=["answers", "ended", "silent"],
)
def test_a_server_answers_or_its_output_is_shown(tmp_path: Path, code: str, seconds: float, error: str | None) -> None:
    """The wait ends with the answer of a server; one that ended or stays silent fails with the end of its output."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    log = tmp_path / "output.log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", code.format(port=port)]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}/"
        if error is None:
            wait_until_answers(process, url, log, seconds)
        else:
            with pytest.raises(AssertionError, match=error):
                wait_until_answers(process, url, log, seconds)
    finally:
        process.kill()
        process.wait()
