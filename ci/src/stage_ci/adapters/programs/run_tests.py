"""Runs pytest over the unit tests with a time limit, and lets no secret out of what it leaves behind.

usage: run_tests.py SECONDS REPORTS_FOLDER; ends with pytest's own status, or 124 when the time is over.
Every file in /run/secrets/environment becomes a line of the `.env` that lies in a temporary mount.
Runs in the test container, with the standard library only.
"""

import base64
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

SECRETS = pathlib.Path("/run/secrets/environment")
DOTENV = pathlib.Path("/run/dotenv/.env")
TIMED_OUT = 124  # as timeout(1) ends
HIDDEN = b"***"
PIECE = 12  # bytes of a value that tell something of it, as a line of a key or the beginning of a token does
NUMBER = re.compile(r"[\d.]*")
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def dotenv(values: dict[str, str]) -> str:
    """Return the text of a `.env` from which python-dotenv reads each value byte for byte.

    It knows escapes in double quotes, and replaces `${NAME:-default}` in any quotes: so `${` is written as the default
    of a variable without a name, and so is a last backslash, which earlier releases take for the quote's escape.
    """
    lines = []
    for name, value in values.items():
        text = value.translate(ESCAPES).replace("${", "${:-$}{")
        if value.endswith("\\"):
            text = text[:-2] + "${:-\\\\}"
        lines.append(f'{name}="{text}"\n')
    return "".join(lines)


def disguises(value: str) -> set[bytes]:
    """Return the forms in which a tool may print a value."""
    raw = value.encode()
    texts = {
        value,
        repr(value)[1:-1],
        ascii(value)[1:-1],
        repr(raw)[2:-1],
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        urllib.parse.quote(value),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        raw.hex(),
        raw.hex().upper(),
    }
    # Behind 0, 1 or 2 other bytes, such as a user's name and a colon, base64 spells the same bytes in three ways.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        inner = whole[-(-before * 4 // 3) :] if before else whole
        texts |= {inner.decode(), inner.translate(bytes.maketrans(b"+/", b"-_")).decode()}
    texts |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {text.encode() for text in texts if text}


def hide(data: bytes, values: dict[str, str]) -> bytes:
    """Return the bytes without any value, whatever form it comes in, and without long pieces of a credential.

    A model's or an experiment's name is hidden as a whole only: pieces of it are the project's own words.
    """
    forms = {form for value in values.values() for form in disguises(value)}
    for form in sorted(forms, key=len, reverse=True):
        data = data.replace(form, HIDDEN)
    credentials = {form for name, value in values.items() if name.startswith("DATABRICKS") for form in disguises(value)}
    pieces = {form[at : at + PIECE] for form in credentials for at in range(0, len(form) - PIECE + 1, 4)}
    kept, end, at = bytearray(), 0, 0
    while pieces and at <= len(data) - PIECE:
        if data[at : at + PIECE] in pieces:
            kept += data[end:at] if at > end else b""
            kept += HIDDEN if at > end or not at else b""
            end = at + PIECE
            at = end
        else:
            at += 1
    return bytes(kept + data[end:])


def hide_in_report(path: pathlib.Path, values: dict[str, str]) -> None:
    """Hide the values in the texts of an XML file, and leave its names and numbers; half of a file is removed."""
    try:
        tree = ET.parse(path)  # noqa: S314 - written by pytest and coverage
    except ET.ParseError:
        path.unlink()
        return
    for element in tree.iter():
        element.text = hide((element.text or "").encode(), values).decode()
        element.tail = hide((element.tail or "").encode(), values).decode()
        for name, text in element.items():
            if not NUMBER.fullmatch(text):
                element.set(name, hide(text.encode(), values).decode())
    tree.write(path, encoding="utf-8", xml_declaration=True)


def run(command: list[str], seconds: float) -> tuple[int, bytes]:
    """Return (status, output) of the command; it and its children are ended when it is over, or its time is."""
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = TIMED_OUT
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
        output.seek(0)
        return status, output.read()


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
        hide_in_report(path, values)
    sys.stdout.buffer.write(hide(output, values))
    return status if status >= 0 else 128 - status  # ended by a signal, as a shell tells it


if __name__ == "__main__":
    sys.exit(main())
