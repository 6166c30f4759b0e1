"""Measures the stage beside what it is compared with, and writes bench/stage.json.

    make bench                  # warm ratios: about two minutes
    make bench ARGS=--cold      # also the cold ratio: empties the engine's cache first; about ten minutes

Every figure is the median of several runs, interleaved so that a slow moment of the machine meets both sides.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "stage.json"
# A function that does nothing, added to a copy of the module: what any uncached call costs.
NOTHING = '''
    @arg.never_cached
    async def nothing(self) -> str:
        """Do nothing."""
        return ""
'''
MARK = "    @dagger.function\n    @dagger.check\n    async def lint("
# What the original's workflows run one after the other, each job in a fresh environment; pip as they use it.
SERIAL = """
python3 -m venv lint && lint/bin/pip install -q black flake8 isort
lint/bin/black --check -q src tests; lint/bin/flake8 --max-line-length 110 --extend-ignore E203 src tests; \
lint/bin/isort -c -q src tests
python3 -m venv test && test/bin/pip install -q -r requirements.dev && \
PYTHONPATH=src test/bin/python -m pytest -q tests/unit
python3 -m venv image && image/bin/pip install -q -r requirements
PYTHONPATH=src image/bin/python -m callcenterai_svm.train --data data/tickets.csv --output model
"""


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def call(module: Path, *arguments: str) -> None:
    """Call a function of the module in the folder ``module``."""
    command = ["dagger", "-m", str(module), "call", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copy_of_the_module(folder: Path) -> Path:
    """Copy the module and give it a function that does nothing."""
    for name in ("dagger.json", "ci/pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "ci" / "src", folder / "ci" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "examples").mkdir()
    main = folder / "ci" / "src" / "stage_ci" / "main.py"
    text = main.read_text()
    main.write_text(text.replace(MARK, NOTHING.lstrip("\n") + "\n" + MARK, 1))
    return folder


def warm(rounds: int) -> dict[str, float]:
    """Return the medians of a stage that has nothing to do and of a function that does nothing, and their ratio."""
    stage = ["stage", f"--source={ROOT}", f"--seed={ROOT / 'examples' / 'infra'}", "--rehearsal=bench"]
    with tempfile.TemporaryDirectory() as folder:
        module = copy_of_the_module(Path(folder))
        for warming in (["nothing"], stage):
            call(module, *warming)
        times = [
            (seconds(lambda: call(module, *stage)), seconds(lambda: call(module, "nothing"))) for _ in range(rounds)
        ]
    stages, nothings = (statistics.median(column) for column in zip(*times, strict=True))
    return {"warm_stage_seconds": stages, "no_op_seconds": nothings, "warm_ratio": stages / nothings}


def cold() -> dict[str, float]:
    """Return how long a first stage and the original's serial steps take, and their ratio."""
    subprocess.run(["dagger", "core", "engine", "local-cache", "prune"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["dagger", "functions"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # the module's own runtime
    staged = seconds(lambda: call(ROOT, "stage", "--rehearsal=bench-cold"))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "tests", "data"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        for name in ("requirements.uv", "requirements", "requirements.train", "requirements.dev", "setup.cfg"):
            shutil.copy(ROOT / name, folder)
        environment = os.environ | {"PIP_NO_CACHE_DIR": "1"}
        shell = ["bash", "-ec", SERIAL]
        serial = seconds(
            lambda: subprocess.run(shell, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        )
    call(ROOT, "rehearsal", "--name=bench-cold", "reset")
    return {"cold_stage_seconds": staged, "serial_seconds": serial, "cold_ratio": staged / serial}


def main() -> int:
    """Measure and write what was measured."""
    parser = argparse.ArgumentParser(prog="bench", description="measure the stage")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument("--cold", action="store_true", help="also compare a cold stage with the original's")
    asked = parser.parse_args()
    figures = warm(asked.rounds) | (cold() if asked.cold else {})
    RESULT.write_text(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
