"""Runs pytest over the unit tests with a time limit, and masks secrets in its output and reports.

usage: run_tests.py SECONDS REPORTS OUTPUT PYTEST_ARGUMENT...; exits with pytest's status, or with 124 if the time limit
is exceeded. REPORTS is a folder, in which OUTPUT becomes the output of pytest, next to the XML files that the arguments
ask for.
Each file in /run/secrets/environment becomes a line of the `.env`, which lies in a temporary mount.
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
TIMED_OUT = 124  # as of timeout(1)
MASK = b"***"
PIECE = 12  # bytes of a credential that already disclose something, such as a line of a key or the start of a token
NUMBER = re.compile(r"[\d.]*")
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def dotenv(values: dict[str, str]) -> str:
    """Return the text of a `.env` from which python-dotenv reads each value byte for byte.

    python-dotenv handles escapes in double quotes, and expands `${NAME:-default}` in any quotes. So this function
    writes `${` as the default of a variable without a name. It does the same with a trailing backslash, because earlier
    releases of python-dotenv take it for an escape of the closing quote.
    """
    lines = []
    for name, value in values.items():
        text = value.translate(ESCAPES).replace("${", "${:-$}{")
        if value.endswith("\\"):
            text = text[:-2] + "${:-\\\\}"
        lines.append(f'{name}="{text}"\n')
    return "".join(lines)


def encodings(value: str) -> set[bytes]:
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
    # Base64 encodes groups of three bytes, so a value has three forms, one for each offset, as after a user's name.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        inner = whole[-(-before * 4 // 3) :] if before else whole
        texts |= {inner.decode(), inner.translate(bytes.maketrans(b"+/", b"-_")).decode()}
    texts |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {text.encode() for text in texts if text}


def mask(data: bytes, values: dict[str, str]) -> bytes:
    """Return the bytes with all forms of each value masked, and with long pieces of credentials masked.

    The name of a model or an experiment is masked as a whole only, because pieces of it occur in the project's names.
    """
    forms = {form for value in values.values() for form in encodings(value)}
    for form in sorted(forms, key=len, reverse=True):
        data = data.replace(form, MASK)
    credentials = {form for name, value in values.items() if name.startswith("DATABRICKS") for form in encodings(value)}
    pieces = {form[at : at + PIECE] for form in credentials for at in range(0, len(form) - PIECE + 1, 4)}
    kept, end, at = bytearray(), 0, 0
    while pieces and at <= len(data) - PIECE:
        if data[at : at + PIECE] in pieces:
            kept += data[end:at] if at > end else b""
            kept += MASK if at > end or not at else b""
            end = at + PIECE
            at = end
        else:
            at += 1
    return bytes(kept + data[end:])


def mask_report(path: pathlib.Path, values: dict[str, str]) -> None:
    """Mask the values in the texts of an XML file, but not in names and numbers; remove a truncated file."""
    try:
        tree = ET.parse(path)  # noqa: S314 - written by pytest and coverage
    except ET.ParseError:
        path.unlink()
        return
    for element in tree.iter():
        element.text = mask((element.text or "").encode(), values).decode()
        element.tail = mask((element.tail or "").encode(), values).decode()
        for name, text in element.items():
            if not NUMBER.fullmatch(text):
                element.set(name, mask(text.encode(), values).decode())
    tree.write(path, encoding="utf-8", xml_declaration=True)


def run(command: list[str], seconds: float) -> tuple[int, bytes]:
    """Run the command and return (status, output); kill it at the time limit, and its children when it has ended."""
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
    """Run the tests with the limits on the command line; return the exit status."""
    seconds, reports, name, *arguments = sys.argv[1:]
    folder = pathlib.Path(reports)
    values = {path.name: path.read_bytes().decode() for path in sorted(SECRETS.glob("*"))}
    if values:
        DOTENV.write_text(dotenv(values), newline="")
    # The time shows whether the engine took the result from its cache.
    print(
        f"unit tests started at {datetime.now(UTC).isoformat(timespec='seconds')}",
        flush=True,
    )
    command = [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider"]
    status, output = run(command, float(seconds))
    for path in folder.glob("*.xml"):
        mask_report(path, values)
    if not status and not any(folder.glob("*.xml")):
        status = 1  # a test has ended the interpreter
    masked = mask(output, values)
    (folder / name).write_bytes(masked)
    sys.stdout.buffer.write(masked)
    return status if status >= 0 else 128 - status  # a process that was killed by a signal, as in a shell


if __name__ == "__main__":
    sys.exit(main())
