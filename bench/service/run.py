"""What one run stands on: its folder, its cores, both models and how both servers are started."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.service.errors import CommandFailed, TooFewCores
from bench.service.servers import Setting, command_for, image_command

ROOT: Final = Path(__file__).parents[2]

BASELINE: Final = "bench.service.baseline:create_app"

ORIGINAL: Final = ROOT / ".venv" / "baseline" / "bin"
"""Programs of the original's environment, with the scikit-learn of its time. Made by `make`."""

OURS: Final = Path(sys.executable).parent
"""Programs of this service's environment."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmark.

    Attributes:
        data: CSV file of tickets: what both models learn, and what both are asked.
        folder: An empty folder for everything that the run leaves behind.
        core: Number of the core that the servers have.
        seconds: Length of one measurement under load.
        rounds: How often each is measured.
    """

    data: Path
    folder: Path
    core: int
    seconds: float
    rounds: int

    @property
    def pickled(self) -> Path:
        """The original's model."""
        return self.folder / "baseline.pkl"

    @property
    def model(self) -> Path:
        """The folder of this service's model."""
        return self.folder / "model"

    @property
    def app(self) -> Path:
        """The folder of this service's code."""
        return self.folder / "app"

    def prepare(self) -> None:
        """Copy this service's code to the folder, as the image does, and leave both models there.

        Raises:
            CommandFailed: if one cannot be trained.
        """
        code = "callcenterai_svm"
        shutil.copytree(ROOT / "src" / code, self.app / code, ignore=shutil.ignore_patterns("__pycache__"))
        # First the one that says in a line what is wrong with the data.
        self._python(OURS, "-m", "callcenterai_svm.train", "--data", self.data, "--output", self.model)
        self._python(ORIGINAL, "-m", "bench.service.baseline", self.data, self.pickled)

    def in_process(self) -> dict[str, float]:
        """Return the milliseconds of both for a batch, on the servers' core and without a server between."""
        asked = ("-m", "bench.service.in_process")
        return {
            "baseline_batch_ms_per_100": float(
                self._python(ORIGINAL, *asked, "original", self.data, self.pickled, pinned=True)
            ),
            "batch_ms_per_100": float(self._python(OURS, *asked, "ours", self.data, self.model, pinned=True)),
        }

    def original(self) -> Setting:
        """Return how the original is started: as this service is, but for the application."""
        command = command_for(BASELINE, self._command())
        environment = self._environment(ORIGINAL, BASELINE_MODEL=str(self.pickled))
        return Setting(command, environment, self.folder, self.core)

    def ours(self) -> Setting:
        """Return how this service is started: as the image does it."""
        return Setting(self._command(), self._environment(OURS, MODEL_PATH=str(self.model)), self.folder, self.core)

    def _command(self) -> list[str]:
        return image_command((ROOT / "Dockerfile").read_text())

    def _python(self, programs: Path, *arguments: str | Path, pinned: bool = False) -> str:
        pinned_to = ["taskset", "--cpu-list", str(self.core)] if pinned else []
        command = [*pinned_to, str(programs / "python"), *map(str, arguments)]
        # What it has to say about a failure is seen: standard error is this program's own.
        ended = subprocess.run(
            command, cwd=self.folder, env=self._environment(programs), stdout=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode:
            raise CommandFailed(f"python -m {arguments[1]} ended with {ended.returncode}")
        return ended.stdout

    def _environment(self, programs: Path, **variables: str) -> dict[str, str]:
        """All that a program finds in its environment: what the image sets, and nothing of this shell's."""
        return variables | {
            "PATH": f"{programs}:{os.defpath}",
            "PYTHONPATH": f"{self.app}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.folder),
        }


def cores() -> tuple[int, int]:
    """Return the number of a core for the servers, and of another one for the load.

    Raises:
        TooFewCores: if there is but one.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise TooFewCores("two cores are needed: one for the servers, one for the load")
    return first, others[-1]
