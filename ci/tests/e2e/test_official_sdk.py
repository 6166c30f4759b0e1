"""The module loads in Dagger's official Python runtime, whose steps this test repeats by hand.

The runtime copies the client library of the engine's version into `sdk/`, installs the module and its requirements.lock
with uv and loads the main object. It is fetched from GitHub, which a machine with access to package registries only
cannot reach.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from cli import REPOSITORY

CI: Final = REPOSITORY / "ci"
LOAD: Final = """
from dagger.mod.cli import load_module
main = load_module().get_object("StageCi")
print(sorted(name.replace("_", "-") for name in main.functions))
"""
UV: Final = Path(sys.executable).parent / "uv"


def run(*command: str | Path, folder: Path, variables: dict[str, str] | None = None) -> str:
    """Run a command and return its standard output."""
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_module_loads_in_the_official_runtime(tmp_path: Path) -> None:
    """The module installs from its own pyproject beside the published client library, and loads with its functions."""
    module = tmp_path / "module"
    shutil.copytree(CI / "src", module / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(CI / name, module)
    python = sys.executable
    download = [python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=dagger-io", "dagger-io==0.19.10"]
    run(*download, folder=tmp_path)
    with tarfile.open(next(tmp_path.glob("dagger_io-*.tar.gz"))) as archive:
        archive.extractall(tmp_path / "client", filter="data")
    shutil.move(next((tmp_path / "client").iterdir()), module / "sdk")
    project = module / "sdk" / "pyproject.toml"
    project.write_text(build_tables(project.read_text()))

    lock = module / "requirements.lock"
    before = pins(lock)
    run(
        UV,
        "pip",
        "compile",
        "-q",
        "--universal",
        "-o",
        lock.name,
        "pyproject.toml",
        "sdk/pyproject.toml",
        folder=module,
    )
    after = pins(lock)
    assert after.items() <= before.items()
    assert all(digests for _, digests in after.values())

    run(UV, "venv", "--quiet", "--python", python, folder=module)
    run(UV, "pip", "install", "-e", "./sdk", "-e", ".", "--no-deps", "-r", lock.name, folder=module)
    run(UV, "pip", "check", folder=module)
    variables = os.environ | {"DAGGER_DEFAULT_PYTHON_PACKAGE": "stage_ci", "DAGGER_MAIN_OBJECT": "StageCi"}
    functions = run(module / ".venv" / "bin" / "python", "-c", LOAD, folder=module, variables=variables)
    assert "'stage'" in functions
    assert "'update-manifest'" in functions


def pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the version and the digests of each package in a lock file."""
    entries = re.findall(r"^([\w.-]+)==(\S+)(.*(?:\n    --hash=\S+.*)*)", lock.read_text(), re.MULTILINE)
    return {name: (version, frozenset(re.findall(r"sha256:\w+", rest))) for name, version, rest in entries}


def build_tables(project: str) -> str:
    """Return the tables that a build needs; the others name a uv workspace that the source archive does not have."""
    kept, table = [], ""
    for line in project.splitlines(keepends=True):
        if line.startswith("["):
            table = line.strip("[]\n")
        if table.startswith(("project", "build-system", "tool.uv.build-backend")):
            kept.append(line)
    return "".join(kept)
