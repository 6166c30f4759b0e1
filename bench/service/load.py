"""Load from vegeta: closed loop, four connections, each request another ticket."""

import base64
import csv
import itertools
import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.service.errors import CommandFailed
from bench.service.figures import BATCH, Load, load

VEGETA: Final = Path(__file__).parents[2] / ".venv" / "bin" / "vegeta"
"""Made by `make` from tools/go.mod."""

CONNECTIONS: Final = 4

TIMEOUT: Final = 30
"""Seconds for one answer; a slower one is an error, and an error ends the benchmark."""


def texts_of(data: Path) -> list[str]:
    """Return the texts of a CSV file of tickets, in its order; a blank one is no ticket."""
    with data.open(encoding="utf-8-sig", newline="") as lines:
        return [row["Document"] for row in csv.DictReader(lines) if row["Document"].strip()]


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield all texts in batches of ``BATCH``; the last is filled up from the first texts."""
    endless = itertools.cycle(texts)
    for _ in range(-(-len(texts) // BATCH)):
        yield list(itertools.islice(endless, BATCH))


def targets(url: str, bodies: Iterable[object]) -> str:
    """Return vegeta's JSON targets, a line for each body: `vegeta attack -format=json`."""
    return "".join(json.dumps(_target(url, body)) + "\n" for body in bodies)


def _target(url: str, body: object) -> dict[str, Any]:
    content = base64.b64encode(json.dumps(body).encode()).decode()
    return {"method": "POST", "url": url, "header": {"Content-Type": ["application/json"]}, "body": content}


def attack(requests: Path, seconds: float) -> Load:
    """Send the requests of a file of targets, over and over, for some time; return what came back.

    Raises:
        RequestsFailed: if an answer is no 200.
        CommandFailed: if vegeta itself fails.
    """
    sending = [
        *("attack", "-format=json", f"-targets={requests}", f"-duration={seconds}s", f"-timeout={TIMEOUT}s"),
        # As fast as the workers get answers: https://github.com/tsenart/vegeta#-rate
        *("-rate=0", f"-workers={CONNECTIONS}", f"-max-workers={CONNECTIONS}", f"-connections={CONNECTIONS}"),
    ]
    results = _vegeta(sending, b"")
    return load(_vegeta(["report", "-type=json"], results).decode())


def _vegeta(arguments: list[str], given: bytes) -> bytes:
    ended = subprocess.run([VEGETA, *arguments], input=given, capture_output=True, check=False)
    if ended.returncode:
        raise CommandFailed(f"vegeta {arguments[0]}: {ended.stderr.decode().strip()}")
    return ended.stdout
