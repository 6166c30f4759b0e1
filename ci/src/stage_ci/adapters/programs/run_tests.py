"""Runs pytest over the unit tests with a time limit, and lets no secret out of what it leaves behind.

usage: run_tests.py SECONDS REPORTS_FOLDER; ends with pytest's own status, or 124 when the time is over.
Every file in /run/secrets/environment becomes a line of the `.env` that lies in a temporary mount.
Runs in the test container, with the standard library only.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable
from datetime import UTC, datetime

SECRETS = pathlib.Path("/run/secrets/environment")
DOTENV = pathlib.Path("/run/dotenv/.env")
TIMED_OUT = 124  # as timeout(1) ends
HIDDEN = b"***"


def dotenv(values: dict[str, str]) -> str:
    """Return the text of a `.env` from which python-dotenv reads each value byte for byte."""
    return "".join(
        "{}='{}'\n".format(name, value.replace("\\", "\\\\").replace("'", "\\'")) for name, value in values.items()
    )


def disguises(value: str) -> list[bytes]:
    """Return the forms in which a tool may print a value, longest first."""
    raw = value.encode()
    forms = {
        raw,
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        raw.hex().encode(),
        urllib.parse.quote(value, safe="").encode(),
        urllib.parse.quote_plus(value).encode(),
        json.dumps(value)[1:-1].encode(),
        repr(value)[1:-1].encode(),
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").encode(),
    }
    return sorted((form for form in forms if form), key=len, reverse=True)


def hide(data: bytes, values: Iterable[str]) -> bytes:
    """Return the bytes without any value, whatever form it comes in."""
    for value in values:
        for form in disguises(value):
            data = data.replace(form, HIDDEN)
    return data


def run(command: list[str], seconds: float) -> tuple[int, bytes]:
    """Return (status, output) of the command; it and its children are ended when the time is over."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return TIMED_OUT, output
    return process.returncode, output


def main() -> int:
    """Run the tests as the command line says; return the exit status."""
    seconds, reports = float(sys.argv[1]), pathlib.Path(sys.argv[2])
    values = {path.name: path.read_bytes().decode() for path in sorted(SECRETS.glob("*"))}
    if values:
        DOTENV.write_text(dotenv(values), newline="")
    # Says when the tests ran: a result taken from the cache is told by its age.
    print(
        f"unit tests started at {datetime.now(UTC).isoformat(timespec='seconds')}",
        flush=True,
    )
    command = [sys.executable, "-m", "pytest", "tests/unit/", "--junitxml", str(reports / "junit.xml"), "--cov=src"]
    command += ["--cov-report", f"xml:{reports / 'coverage.xml'}", "--cov-report", "term", "-p", "no:cacheprovider"]
    status, output = run(command, seconds)
    for path in reports.glob("*.xml"):
        path.write_bytes(hide(path.read_bytes(), values.values()))
    sys.stdout.buffer.write(hide(output, values.values()))
    return status if status >= 0 else 128 - status  # ended by a signal, as a shell tells it


if __name__ == "__main__":
    sys.exit(main())
