"""Measures training on a file of tickets, and writes bench/figures.json.

    make bench-model DATA=path/to/tickets.csv     # columns Document and Topic_group; less than a minute on two cores

Runs the training command as a user does, and reads the figures from the files that it writes. Measured here is only
its time, which includes the nested cross-validation.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
RESULT: Final = ROOT / "bench" / "figures.json"
# The keys of metrics.json that are copied, in the order of the result.
FIGURES: Final = ("accuracy", "macro_f1", "ece")
CHOSEN: Final = ("c", "c_of_folds", "c_grid")
CONDITIONS: Final = ("per_topic", "tickets", "data_sha256", "seed", "folds", "libraries")


def train(data: Path, output: Path) -> float:
    """Train, and return the seconds that this takes.

    Raises:
        subprocess.CalledProcessError: if the command rejects the data; its error is on standard error.
    """
    command = (sys.executable, "-m", "callcenterai_svm.train", "--data", str(data), "--output", str(output))
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def figures(data: Path) -> dict[str, Any]:
    """Train once and return all figures."""
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        seconds = train(data, Path(folder))
        metrics = json.loads((Path(folder) / "metrics.json").read_bytes())
    return {
        **{name: metrics[name] for name in FIGURES},
        "train_seconds": round(seconds, 1),
        "model_bytes": metrics["model_bytes"],
        **{name: metrics[name] for name in CHOSEN + CONDITIONS},
    }


def main() -> int:
    """Measure, write and print the result; return 0, or 1 if the training rejects the data."""
    parser = argparse.ArgumentParser(prog="figures", description="measure training on a file of tickets")
    parser.add_argument("--data", type=Path, required=True, help="CSV file with the columns Document and Topic_group")
    try:
        found = figures(parser.parse_args().data)
    except subprocess.CalledProcessError:
        return 1
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
