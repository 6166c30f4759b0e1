"""Races stages against each other until the time is over, and counts what was lost, doubled or overwritten.

    make soak SECONDS=300              # twenty at once; ARGS=--runs=5 for fewer

Waves alternate: as many sources as there are runs, then one source in all of them. No wave starts after the time is
over, which counts from the first, and one that runs is awaited. Standard output holds one JSON object, all else goes
to standard error.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger import Ledger, Run, Sight
from user import LIMIT, Call, changed, mirror
from world import World, world


def main() -> int:
    """Race as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description="race stages against each other")
    parser.add_argument("--seconds", type=float, default=300, help="after which no wave starts (default: 300)")
    parser.add_argument("--runs", type=int, default=20, help="stages at once in a wave (default: 20)")
    asked = parser.parse_args()
    began = time.monotonic()
    say("a registry is filled")
    with tempfile.TemporaryDirectory() as folder, mirror() as address, world(address, Path(folder)) as own:
        ledger = race(own, Path(folder) / "sources", asked.runs, asked.seconds)
        # The counts stand whatever comes of emptying the registry.
        print(json.dumps(ledger.counts() | {"seconds": round(time.monotonic() - began)}))  # noqa: T201 - the result
    return 0 if ledger.sound else 1


def race(own: World, folder: Path, runs: int, seconds: float) -> Ledger:
    """Return what came of a first run alone, and of the waves that start within ``seconds`` after it."""
    ledger = Ledger()
    # What all images have in common is uploaded by one, not by twenty at once through a proxy that holds it in memory.
    wave(own, ledger, [changed(folder, 0)])
    deadline, number = time.monotonic() + seconds, 1
    # One source at once is the shorter wave: so both kinds start within five minutes on two cores.
    for different in itertools.cycle([1, runs]):
        if time.monotonic() >= deadline:
            break
        sources = [changed(folder, number + place) for place in range(different)]
        number += different
        wave(own, ledger, sources * (runs // different))
    return ledger


def wave(own: World, ledger: Ledger, sources: list[Path]) -> None:
    """Stage ``sources`` side by side, and look at what is outside afterwards."""
    say(f"runs: {len(sources)}, sources: {len(set(sources))}")
    began = time.monotonic()
    with ThreadPoolExecutor(len(sources)) as pool:
        runs = list(pool.map(lambda source: staged(own, source), sources))
    for run in runs:
        say(f"  {run}")
    problems = ledger.enter(runs, Sight(own.tags(), own.claims(), own.commits(), own.show(), own.image))
    for problem in problems:
        say(f"  WRONG: {problem}")
    say(f"  {time.monotonic() - began:.0f} s; {json.dumps(ledger.counts())}")


def staged(own: World, source: Path) -> Run:
    """Return how staging ``source`` ended."""
    try:
        call = own.stage(source, "--format=json")
    except subprocess.TimeoutExpired:
        return Run(source.name, error=f"did not end within {LIMIT} s")
    return Run(source.name, call.release) if call.status == 0 else Run(source.name, error=reason(call))


def reason(call: Call) -> str:
    """Return on one line why a call failed."""
    return " ".join((call.error or f"status {call.status}: {call.stderr[-500:]}").split())


def say(text: str) -> None:
    """Tell on standard error what is done."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
