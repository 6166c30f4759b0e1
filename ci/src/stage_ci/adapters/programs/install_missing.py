"""Installs those of the given packages that are not installed, without changing any that is.

usage: install_missing.py NAME==VERSION...; exits with uv's status.
If a version does not fit the installed packages, the newest that does is installed instead.
Runs in the test container, with the interpreter of the virtual environment and the standard library only.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping

INSTALL = ["uv", "pip", "install", "--quiet", "--compile-bytecode"]


def normalized(name: str) -> str:
    """Return the name of a package in the form in which equal names are equal texts (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def missing(wanted: Iterable[str], installed: Mapping[str, str]) -> dict[str, str]:
    """Return the requirements of which no version is installed, by the names of the packages."""
    named = {requirement.partition("==")[0]: requirement for requirement in wanted}
    present = set(map(normalized, installed))
    return {name: requirement for name, requirement in named.items() if normalized(name) not in present}


def main() -> int:
    """Install what is missing; return the exit status."""
    found = [(each.metadata["Name"], each.version) for each in importlib.metadata.distributions()]
    installed = {name: version for name, version in found if name}  # an installation that broke off has none
    wanted = missing(sys.argv[1:], installed)
    if not wanted:
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{name}=={version}\n" for name, version in installed.items())
        constraints.flush()
        install = [*INSTALL, "--constraint", constraints.name]
        if not subprocess.run([*install, *wanted.values()], check=False, capture_output=True).returncode:
            return 0
        return subprocess.run([*install, *wanted], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
