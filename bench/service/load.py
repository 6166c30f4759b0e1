"""Generates load by vegeta: a closed loop over four connections, with another ticket in each request."""

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
"""Built by `make` from tools/go.mod."""

CONNECTIONS: Final = 4

TIMEOUT: Final = 30
"""The time limit of one request in seconds; a timeout ends the benchmark as any error does."""


def texts_of(data: Path) -> list[str]:
    """Return the texts of a CSV file of tickets in its order, without blank ones."""
    with data.open(encoding="utf-8-sig", newline="") as lines:
        return [row["Document"] for row in csv.DictReader(lines) if row["Document"].strip()]


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield all texts in batches of ``BATCH``; the last batch is filled up with the first texts."""
    endless = itertools.cycle(texts)
    for _ in range(-(-len(texts) // BATCH)):
        yield list(itertools.islice(endless, BATCH))


def targets(url: str, bodies: Iterable[object]) -> str:
    """Return vegeta's JSON targets, one line for each body (`vegeta attack -format=json`)."""
    return "".join(json.dumps(_target(url, body)) + "\n" for body in bodies)


def _target(url: str, body: object) -> dict[str, Any]:
    content = base64.b64encode(json.dumps(body).encode()).decode()
    return {"method": "POST", "url": url, "header": {"Content-Type": ["application/json"]}, "body": content}


def attack(requests: Path, seconds: float) -> Load:
    """Send the requests of a file of targets repeatedly for ``seconds``; return the figures.

    Raises:
        RequestsFailed: if a response is not 200.
        CommandFailed: if vegeta itself fails.
    """
    sending = [
        *("attack", "-format=json", f"-targets={requests}", f"-duration={seconds}s", f"-timeout={TIMEOUT}s"),
        # As fast as the workers get responses: https://github.com/tsenart/vegeta#-rate
        *("-rate=0", f"-workers={CONNECTIONS}", f"-max-workers={CONNECTIONS}", f"-connections={CONNECTIONS}"),
    ]
    results = _vegeta(sending, b"")
    return load(_vegeta(["report", "-type=json"], results).decode())


def _vegeta(arguments: list[str], given: bytes) -> bytes:
    ended = subprocess.run([VEGETA, *arguments], input=given, capture_output=True, check=False)
    if ended.returncode:
        raise CommandFailed(f"vegeta {arguments[0]}: {ended.stderr.decode().strip()}")
    return ended.stdout
