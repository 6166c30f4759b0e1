"""The jobs of the original's workflows one after the other, each in a new environment."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from bench.processes import run, seconds

LIMIT: Final = 900  # seconds
# Lint, test, and what the image's build installs and trains; push and scan are left out, in the original's favour.
JOBS: Final = """
python3 -m venv lint && lint/bin/pip install -q black flake8 isort
lint/bin/black --check -q src tests; lint/bin/flake8 --max-line-length 110 --extend-ignore E203 src tests; \
lint/bin/isort -c -q src tests
python3 -m venv test && test/bin/pip install -q -r requirements.dev && \
PYTHONPATH=src test/bin/python -m pytest -q tests/unit
python3 -m venv image && image/bin/pip install -q -r requirements.train
PYTHONPATH=src image/bin/python -m callcenterai_svm.train --data data/tickets.csv --output model
"""


def serial(source: Path, pip_cache: Path | None = None) -> float:
    """Return the seconds that the jobs take in a copy of ``source``.

    Args:
        source: The service's source.
        pip_cache: The folder of pip's cache; None for no cache.

    Raises:
        MeasurementError: if a job fails or takes too long.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    cache = {"PIP_CACHE_DIR": str(pip_cache)} if pip_cache else {"PIP_NO_CACHE_DIR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        work = shutil.copytree(source, Path(folder) / "source")
        command = ["bash", "-ec", JOBS]
        return seconds(lambda: run(command, limit=LIMIT, folder=work, variables=inherited | cache))
