"""The setup of one run: its folder, its cores, both models, and the settings of both servers."""

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
"""The programs of the original's environment, with the scikit-learn of its time; created by `make`."""

OURS: Final = Path(sys.executable).parent
"""The programs of this service's environment."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmark.

    Attributes:
        data: CSV file of tickets, for the training and for the requests.
        folder: An empty folder for the files of the run.
        core: The number of the servers' core.
        seconds: The length of one measurement under load.
        rounds: The number of measurements of each kind.
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
        """Copy this service's code to the folder, as the image does, and train both models there.

        Raises:
            CommandFailed: if a training fails.
        """
        code = "callcenterai_svm"
        shutil.copytree(ROOT / "src" / code, self.app / code, ignore=shutil.ignore_patterns("__pycache__"))
        # This service's training goes first, because it reports invalid data in one line.
        self._python(OURS, "-m", "callcenterai_svm.train", "--data", self.data, "--output", self.model)
        self._python(ORIGINAL, "-m", "bench.service.baseline", self.data, self.pickled)

    def in_process(self) -> dict[str, float]:
        """Return the milliseconds that each model takes for a batch, on the servers' core and without a server."""
        program = ("-m", "bench.service.in_process")
        return {
            "baseline_batch_ms_per_100": float(
                self._python(ORIGINAL, *program, "original", self.data, self.pickled, pinned=True)
            ),
            "batch_ms_per_100": float(self._python(OURS, *program, "ours", self.data, self.model, pinned=True)),
        }

    def original(self) -> Setting:
        """Return the setting of the original: the command of this service with another application."""
        command = command_for(BASELINE, self._command())
        environment = self._environment(ORIGINAL, BASELINE_MODEL=str(self.pickled))
        return Setting(command, environment, self.folder, self.core)

    def ours(self) -> Setting:
        """Return the setting of this service: the command of the image."""
        return Setting(self._command(), self._environment(OURS, MODEL_PATH=str(self.model)), self.folder, self.core)

    def _command(self) -> list[str]:
        return image_command((ROOT / "Dockerfile").read_text())

    def _python(self, programs: Path, *arguments: str | Path, pinned: bool = False) -> str:
        pinned_to = ["taskset", "--cpu-list", str(self.core)] if pinned else []
        command = [*pinned_to, str(programs / "python"), *map(str, arguments)]
        # Standard error is inherited, so the user sees the program's own error.
        ended = subprocess.run(
            command, cwd=self.folder, env=self._environment(programs), stdout=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode:
            raise CommandFailed(f"python -m {arguments[1]} exited with status {ended.returncode}")
        return ended.stdout

    def _environment(self, programs: Path, **variables: str) -> dict[str, str]:
        """Return the environment of a program: the variables that the image sets, and none of this shell."""
        return variables | {
            "PATH": f"{programs}:{os.defpath}",
            "PYTHONPATH": f"{self.app}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.folder),
        }


def cores() -> tuple[int, int]:
    """Return the number of a core for the servers and that of another one for the load generator.

    Raises:
        TooFewCores: if there is only one.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise TooFewCores("two cores are needed: one for the servers, one for the load generator")
    return first, others[-1]
