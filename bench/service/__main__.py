"""Compares this service with the original's handler, and writes bench/service.json.

    make bench-service                              # trains both on data/tickets.csv; about three minutes
    make bench-service DATA=path/to/tickets.csv     # another file with the columns Document and Topic_group
    make bench-service ARGS=--without-image         # prints all except image_ratio, and writes nothing

Both servers have the same server packages and the options of the Dockerfile's CMD; each has its own scikit-learn. They
share one core and are under load in turn, never both; this program and the load generator run on another core. Every
figure is the median of several rounds. A response other than 200 ends the run without figures. Run it on an idle
machine: other load slows the slower server more, and so changes the ratios.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.service import load
from bench.service.errors import BenchError
from bench.service.figures import BATCH, ORIGINAL_ENVIRONMENT_BYTES, ratios, rounded
from bench.service.image import own_bytes
from bench.service.measuring import STARTS, ready_seconds, under_load
from bench.service.run import ROOT, Run, cores

RESULT: Final = ROOT / "bench" / "service.json"


def measure(run: Run) -> dict[str, Any]:
    """Return every figure that needs no engine, the ratios first; both models must be trained."""
    loads, ready = under_load(run), ready_seconds(run)
    return {
        **ratios(loads.original, loads.ours, loads.batches),
        "ready_seconds": ready,
        **run.in_process(),
        "original": asdict(loads.original),
        "service": asdict(loads.ours),
        "batches": {"texts_per_second": BATCH * loads.batches.requests_per_second, **asdict(loads.batches)},
    }


def image(folder: Path) -> dict[str, Any]:
    """Build the image in the engine and return its figures."""
    size = own_bytes(ROOT, folder)
    return {"image_ratio": size / ORIGINAL_ENVIRONMENT_BYTES, "image_bytes": size}


def conditions(run: Run, load_average: float) -> dict[str, Any]:
    """Return the conditions of the measurement; a load average well above 0 makes the figures doubtful."""
    return {
        "data_sha256": hashlib.sha256(run.data.read_bytes()).hexdigest(),
        "tickets": len(load.texts_of(run.data)),
        "command": run.ours().command,
        "connections": load.CONNECTIONS,
        "seconds": run.seconds,
        "rounds": run.rounds,
        "starts": STARTS,
        "server_cores": 1,
        "load_average_before": load_average,
    }


def benchmark(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return all figures that the options select, measured in an empty folder."""
    load_average, _, _ = os.getloadavg()
    server_core, load_core = cores()
    run = Run(options.data.resolve(), folder, server_core, options.seconds, options.rounds)
    run.prepare()  # on all cores
    os.sched_setaffinity(0, {load_core})
    figures = measure(run) | ({} if options.without_image else image(folder))
    return {**figures, "conditions": conditions(run, load_average)}


def main() -> int:
    """Measure, print, and write the result unless the image is left out; return 0, or 1 after an error in one line."""
    options = _parser().parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-service-") as folder:
            text = json.dumps(rounded(benchmark(options, Path(folder))), indent=2) + "\n"
    except (BenchError, OSError) as error:
        sys.stderr.write(f"bench-service: {error}\n")
        return 1
    if not options.without_image:
        RESULT.write_text(text)
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.service", description="compare the service with the original's handler"
    )
    parser.add_argument("--data", type=Path, required=True, help="CSV file with the columns Document and Topic_group")
    parser.add_argument("--seconds", type=float, default=8, help="length of one measurement (default: 8)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind (default: 3)")
    parser.add_argument("--without-image", action="store_true", help="do not build the image; write nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
