"""Measure the stage against a call that does nothing and against the original's workflows; write bench/stage.json.

    make bench                  # warm ratio: about two minutes
    make bench ARGS=--cold      # also the cold ratio: prunes the engine's cache first; about ten minutes

Each warm figure is the median of several runs. The runs of both sides alternate, so that other load on the machine
affects both.
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
from typing import Final

ROOT: Final = Path(__file__).parents[1]
RESULT: Final = Path(__file__).parent / "stage.json"
# Added to a copy of the module; measures what every uncached call takes.
NO_OP: Final = '''
    @dagger.function(cache="never")
    async def no_op(self) -> str:
        """Do nothing."""
        return ""

'''
FUNCTION: Final = "    @dagger.function\n"  # precedes the module's first function
# The jobs of the original's workflows one after the other, each in a new environment, with pip as they use it.
SERIAL: Final = """
python3 -m venv lint && lint/bin/pip install -q black flake8 isort
lint/bin/black --check -q src tests; lint/bin/flake8 --max-line-length 110 --extend-ignore E203 src tests; \
lint/bin/isort -c -q src tests
python3 -m venv test && test/bin/pip install -q -r requirements.dev && \
PYTHONPATH=src test/bin/python -m pytest -q tests/unit
python3 -m venv image && image/bin/pip install -q -r requirements
PYTHONPATH=src image/bin/python -m callcenterai_svm.train --data data/tickets.csv --output model
"""


def seconds(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def call(module: Path, *arguments: str) -> None:
    """Run `dagger call ARGUMENTS` with the module in the folder ``module``."""
    command = ["dagger", "-m", str(module), "call", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copy_module(folder: Path) -> Path:
    """Copy the module into ``folder`` and add the function `no-op`."""
    for name in ("dagger.json", "ci/pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("ci/src", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    main = folder / "ci" / "src" / "stage_ci" / "main.py"
    main.write_text(main.read_text().replace(FUNCTION, NO_OP.lstrip("\n") + FUNCTION, 1))
    return folder


def warm(rounds: int) -> dict[str, float]:
    """Return the median seconds of a stage with nothing to do and of a call that does nothing, and their ratio."""
    seed = ROOT / "examples" / "infra"
    stage = ["--rehearsal=bench", f"--rehearsal-seed={seed}", "stage", f"--source={ROOT}"]
    with tempfile.TemporaryDirectory() as folder:
        module = copy_module(Path(folder))
        for arguments in (["no-op"], stage):
            call(module, *arguments)
        times = [(seconds(lambda: call(module, *stage)), seconds(lambda: call(module, "no-op"))) for _ in range(rounds)]
    stages, no_ops = (statistics.median(column) for column in zip(*times, strict=True))
    return {"warm_stage_seconds": stages, "no_op_seconds": no_ops, "warm_ratio": stages / no_ops}


def cold() -> dict[str, float]:
    """Return the seconds of a first stage and of the original's jobs one after the other, and their ratio."""
    subprocess.run(["dagger", "core", "engine", "local-cache", "prune"], check=True, stdout=subprocess.DEVNULL)
    # Builds the module's runtime first, because the stage is measured without it.
    subprocess.run(["dagger", "functions"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    staged = seconds(lambda: call(ROOT, "--rehearsal=bench-cold", "stage"))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "tests", "data"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        for name in ("requirements.uv", "requirements", "requirements.train", "requirements.dev", "setup.cfg"):
            shutil.copy(ROOT / name, folder)
        variables = os.environ | {"PIP_NO_CACHE_DIR": "1"}
        shell = ["bash", "-ec", SERIAL]
        serial = seconds(
            lambda: subprocess.run(shell, cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
        )
    call(ROOT, "--rehearsal=bench-cold", "rehearsal", "reset")
    return {"cold_stage_seconds": staged, "serial_seconds": serial, "cold_ratio": staged / serial}


def main() -> int:
    """Run the measurements of the command line, and write and print their result."""
    parser = argparse.ArgumentParser(prog="bench", description="measure the stage")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument("--cold", action="store_true", help="also compare a cold stage with the original's workflows")
    options = parser.parse_args()
    figures = warm(options.rounds) | (cold() if options.cold else {})
    RESULT.write_text(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
