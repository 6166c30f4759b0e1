"""The module where the SDK is the official Python runtime: what that runtime does with it, done by hand.

The runtime puts the client library of the engine's version into `sdk/`, installs the module with uv from its pyproject
and loads the main object. The runtime itself comes from GitHub, which a machine with package registries only does not
reach.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from user import REPOSITORY

CI = REPOSITORY / "ci"
LOAD = """
from dagger.mod.cli import load_module
main = load_module().get_object("StageCi")
print(sorted(name.replace("_", "-") for name in main.functions))
"""
UV = Path(sys.executable).parent / "uv"


def run(*command: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it prints."""
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_module_installs_and_loads_as_the_official_runtime_does_it(tmp_path: Path) -> None:
    """No version of the client is pinned, nothing private is used, and the package installs from its own pyproject."""
    module = tmp_path / "module"
    shutil.copytree(CI / "src", module / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CI / "pyproject.toml", module)
    python = sys.executable
    download = [python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=dagger-io", "dagger-io==0.19.10"]
    run(*download, folder=tmp_path)
    with tarfile.open(next(tmp_path.glob("dagger_io-*.tar.gz"))) as archive:
        archive.extractall(tmp_path / "client", filter="data")
    shutil.move(next((tmp_path / "client").iterdir()), module / "sdk")
    project = module / "sdk" / "pyproject.toml"
    project.write_text(what_builds(project.read_text()))

    run(UV, "sync", "--quiet", "--no-dev", "--python", python, folder=module)
    environment = {"DAGGER_DEFAULT_PYTHON_PACKAGE": "stage_ci", "DAGGER_MAIN_OBJECT": "StageCi"}
    shown = run(module / ".venv" / "bin" / "python", "-c", LOAD, folder=module, environment=os.environ | environment)
    assert "'stage'" in shown
    assert "'update-manifest'" in shown


def what_builds(project: str) -> str:
    """Return the tables that building the client needs; the others speak of a workspace that is not published."""
    kept, table = [], ""
    for line in project.splitlines(keepends=True):
        if line.startswith("["):
            table = line.strip("[]\n")
        if table.startswith(("project", "build-system", "tool.uv.build-backend")):
            kept.append(line)
    return "".join(kept)
