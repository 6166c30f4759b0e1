"""Measures training on a file of tickets, and writes bench/figures.json.

    make bench-model DATA=path/to/tickets.csv     # columns Document and Topic_group; less than a minute on two cores

The training command runs as a user calls it; its own files hold the figures, and nothing else is measured than its
time from start to end, the nested cross-validation included.
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
# In the order in which they are written; what was trained on and what was chosen come with them.
FIGURES: Final = ("accuracy", "macro_f1", "ece")
CHOSEN: Final = ("c", "c_of_folds", "c_grid")
CONDITIONS: Final = ("per_topic", "tickets", "data_sha256", "seed", "folds", "libraries")


def trained(data: Path, output: Path) -> float:
    """Train, and return how many seconds it took.

    Raises:
        subprocess.CalledProcessError: If the command refuses the data; it has said why.
    """
    command = (sys.executable, "-m", "callcenterai_svm.train", "--data", str(data), "--output", str(output))
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def figures(data: Path) -> dict[str, Any]:
    """Return all figures of one training."""
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        seconds = trained(data, Path(folder))
        metrics = json.loads((Path(folder) / "metrics.json").read_bytes())
    return {
        **{name: metrics[name] for name in FIGURES},
        "train_seconds": round(seconds, 1),
        "model_bytes": metrics["model_bytes"],
        **{name: metrics[name] for name in CHOSEN + CONDITIONS},
    }


def main() -> int:
    """Measure and write; return 0, or 1 if the data cannot be trained on."""
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
