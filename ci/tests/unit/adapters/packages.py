"""Wheels without modules, and a virtual environment in which a real uv installs them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """Write a wheel that has only metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
    with zipfile.ZipFile(folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{info}/METADATA", "\n".join(["Metadata-Version: 2.1", *metadata, ""]))
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")


class Environment:
    """A virtual environment whose only index is the folder ``wheels`` beside it, if there is one."""

    def __init__(self, root: Path) -> None:
        self._root, self._uv = root, Path(sys.executable).with_name("uv")
        self.variables = {
            "PATH": f"{root / 'venv/bin'}:{self._uv.parent}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(root / "venv"),
            "NO_PROXY": "127.0.0.1",
            "UV_NO_CACHE": "1",
            "UV_CONFIG_FILE": str(root / "uv.toml"),
        }
        wheels = root / "wheels"
        (root / "uv.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n' if wheels.exists() else "")
        self.run(str(self._uv), "venv", "--quiet", "--python", sys.executable, str(root / "venv"))

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder, by default beside the environment."""
        return subprocess.run(
            command, cwd=folder or self._root, env=self.variables, check=False, capture_output=True, text=True
        )

    def install(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Install packages as the containers do."""
        return self.run(str(self._uv), "pip", "install", "--quiet", *arguments, folder=folder)

    @property
    def installed(self) -> list[str]:
        """The installed packages with their versions."""
        return self.run(str(self._uv), "pip", "list", "--format=freeze").stdout.split()
