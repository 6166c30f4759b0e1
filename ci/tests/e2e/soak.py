"""Race stages against each other and count what was lost, duplicated or overwritten.

    make soak SECONDS=300              # twenty at once; ARGS=--runs=5 for fewer

Waves alternate between one source in every run and a different source in each. The seconds count from the first wave;
no wave starts after them, and one that has started is completed. Standard output holds one JSON object; progress goes
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

from cli import CALL_TIMEOUT, Call, make_source
from environment import Environment, start_environment
from real_registry import serve_registry
from soak_invariants import Invariants, Snapshot, StageRun


def main() -> int:
    """Run the soak and return the exit status: 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(prog="soak", description="race stages against each other")
    parser.add_argument("--seconds", type=float, default=300, help="no wave starts after this time (default: 300)")
    parser.add_argument("--runs", type=int, default=20, help="concurrent stages of a wave (default: 20)")
    options = parser.parse_args()
    began = time.monotonic()
    log("filling a registry")
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_registry() as address,
        start_environment(address, Path(folder)) as env,
    ):
        invariants = race(env, Path(folder) / "sources", options.runs, options.seconds)
        # Printed before the registry is reset, which may fail.
        print(json.dumps(invariants.counts() | {"seconds": round(time.monotonic() - began)}))  # noqa: T201 - the result
    return 0 if invariants.hold else 1


def race(env: Environment, folder: Path, runs: int, seconds: float) -> Invariants:
    """Run a first stage, then waves until ``seconds`` have passed; return the checked invariants."""
    invariants = Invariants()
    # The first run uploads the layers that all images share: twenty uploads at once would fill the proxy's memory.
    run_wave(env, invariants, [make_source(folder, 0)])
    deadline, number = time.monotonic() + seconds, 1
    # The wave with one source is the shorter one: starting with it, both kinds start within five minutes on two cores.
    for different in itertools.cycle([1, runs]):
        if time.monotonic() >= deadline:
            break
        sources = [make_source(folder, number + place) for place in range(different)]
        number += different
        run_wave(env, invariants, sources * (runs // different))
    return invariants


def run_wave(env: Environment, invariants: Invariants, sources: list[Path]) -> None:
    """Stage all ``sources`` at once, then check the invariants."""
    log(f"runs: {len(sources)}, sources: {len(set(sources))}")
    began = time.monotonic()
    with ThreadPoolExecutor(len(sources)) as pool:
        runs = list(pool.map(lambda source: run_stage(env, source), sources))
    for run in runs:
        log(f"  {run}")
    snapshot = Snapshot(env.tags(), env.claims(), env.commits(), env.read_file(), env.image)
    for violation in invariants.check(runs, snapshot):
        log(f"  VIOLATED: {violation}")
    log(f"  {time.monotonic() - began:.0f} s; {json.dumps(invariants.counts())}")


def run_stage(env: Environment, source: Path) -> StageRun:
    """Stage ``source`` and return the result."""
    try:
        call = env.stage(source, "--format=json")
    except subprocess.TimeoutExpired:
        return StageRun(source.name, error=f"did not end within {CALL_TIMEOUT} s")
    return StageRun(source.name, call.release) if call.status == 0 else StageRun(source.name, error=reason(call))


def reason(call: Call) -> str:
    """Return why a call failed, on one line."""
    return " ".join((call.error or f"status {call.status}: {call.stderr[-500:]}").split())


def log(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
