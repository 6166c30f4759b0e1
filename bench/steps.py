"""The steps that a stage's containers belong to, and those that may run after an edit of each kind."""

import re
from collections.abc import Iterable
from typing import Final

# The first pattern that is found in the command of a container names its step. The smoke test goes before the linters,
# because its ticket may be about a black screen.
_STEPS: Final = {
    "module": r"^(StageCi|Query)\.",
    "remotes": r"^registry serve\b|\bgit_server\.sh\b",
    "smoke": r"\bprobe\.py\b|^uvicorn\b",
    "install": r"\b(pip|uv pip|apt-get) install\b|^install --directory\b|\buv venv\b|\bapt-get update\b",
    "train": r"\.train\b",
    "bytecode": r"\bcompileall\b",
    "lint": r"\b(black|flake8|isort)\b",
    "test-service": r"\brun_tests\.py\b.* tests/unit/service/",
    "test": r"\brun_tests\.py\b",
    "inputs": r"\bfind \. -type f\b",
    "pack": r"^tar --create\b",
    "unpack": r"^tar --extract --preserve-permissions\b",
    "archive": r"\bnormalize_archive\.py\b",
    "secrets": r"^trivy .*--scanners secret\b",
    "scan": r"^trivy\b",
    "push": r"\bcopy_image\.sh push\b",
}
OTHER: Final = "other"
"""The step of a container that no pattern describes; it may never run."""

_ALWAYS: Final = {"module", "remotes"}
# They find out which of the other steps an edit affects: they list or archive the files that those depend on.
_EDITED: Final = _ALWAYS | {"inputs", "pack", "unpack"}
_TESTS: Final = {"test", "test-service"}
_IMAGE: Final = {"archive", "secrets", "scan", "smoke", "push"}
MAY_RUN: Final = {
    "none": _ALWAYS,
    "tests": _EDITED | {"lint", "test"},
    "service": _EDITED | {"lint", "test-service", "bytecode"} | _IMAGE,
    "training": _EDITED | {"lint", "bytecode", "train"} | _TESTS | _IMAGE,
    "data": _EDITED | {"train"} | _TESTS | _IMAGE,
    "requirements": _EDITED | {"install", "bytecode", "train"} | _TESTS | _IMAGE,
}
"""The steps that depend on what an edit changes, by the kind of edit."""


def step(command: str) -> str:
    """Return the step that a container's command belongs to."""
    return next((name for name, pattern in _STEPS.items() if re.search(pattern, command)), OTHER)


def needless(kind: str, commands: Iterable[str]) -> list[str]:
    """Return the commands that ran though nothing that they depend on was changed."""
    return [command for command in commands if step(command) not in MAY_RUN[kind]]
