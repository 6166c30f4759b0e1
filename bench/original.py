"""The jobs of the original's workflows one after the other, each in a new environment."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from bench.processes import run, seconds

LIMIT: Final = 900  # seconds
# Lint, test, and what the image's build installs and trains; push and scan are left out, in the original's favour.
# --no-deps: the files name every package, and pip rejects the extra of a package that it finds pinned with a digest
# (https://github.com/pypa/pip/issues/9644).
JOBS: Final = """
python3 -m venv lint
lint/bin/pip install -q black flake8 isort
lint/bin/black --check -q src tests
lint/bin/flake8 --max-line-length 110 --extend-ignore E203 src tests
lint/bin/isort -c -q src tests
python3 -m venv test
test/bin/pip install -q --no-deps -r requirements.dev
PYTHONPATH=src test/bin/python -m pytest -q tests/unit
python3 -m venv image
image/bin/pip install -q --no-deps -r requirements.train
PYTHONPATH=src image/bin/python -m callcenterai_svm.train --data data/tickets.csv --output model
"""
# What the jobs install; requirements.dev includes the other files.
_DOWNLOADS: Final = """
python3 -m venv pip
pip/bin/pip download -q -d "$1" black flake8 isort
pip/bin/pip download -q -d "$1" --no-deps -r requirements.dev
"""


def download(source: Path, wheels: Path) -> None:
    """Download all packages that the jobs install into the folder ``wheels``.

    Raises:
        MeasurementError: if a download fails or takes too long.
    """
    _bash(_DOWNLOADS, source, {}, str(wheels))


def serial(source: Path, wheels: Path | None = None) -> float:
    """Return the seconds that the jobs take for ``source``.

    Args:
        source: The service's source.
        wheels: The folder of packages that are downloaded already, which replaces the index; None to download them.

    Raises:
        MeasurementError: if a job fails or takes too long.
    """
    warm = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)} if wheels else {}
    return _bash(JOBS, source, warm)


def _bash(script: str, source: Path, variables: dict[str, str], *arguments: str) -> float:
    """Run a script in a copy of ``source``, without pip's cache; return the seconds that it takes."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        work = shutil.copytree(source, Path(folder) / "source")
        command = ["bash", "-ec", script, "-", *arguments]
        environment = inherited | {"PIP_NO_CACHE_DIR": "1"} | variables
        return seconds(lambda: run(command, limit=LIMIT, folder=work, variables=environment))
