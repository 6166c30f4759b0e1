"""F0: the speed of the machine, without which seconds of two runs cannot be compared."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.processes import seconds
from bench.rows import Row, ratios
from bench.session import Session

ROUNDS: Final = 3
_LOOP: Final = [sys.executable, "-c", "total = 0\nfor number in range(20_000_000): total += number"]


def measure(_: Session) -> list[Row]:
    """Return the rows of F0."""
    alone, together = [], []
    for _round in range(ROUNDS):
        alone.append(seconds(lambda: _loops(1)))
        together.append(seconds(lambda: _loops(2)))
    return [
        Row.seconds("F0", "a loop of 20 million additions in Python", alone, reference="one process"),
        Row.ratio(
            "F0-cores",
            "two such loops at once / one",
            ratios(together, alone),
            reference="1 if two cores are free, 2 if one is",
        ),
    ]


def _loops(count: int) -> None:
    processes = [subprocess.Popen(_LOOP) for _ in range(count)]
    for process in processes:
        process.wait()


def busy_seconds() -> float:
    """Return for how long the processors of the machine were busy since its start, in total (proc_stat(5))."""
    total = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, total.split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
