"""The module's program that signs and verifies, run as its container does."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.keyless.local_sigstore import BIN
from tests.unit.rules.evidence import STATEMENTS

from stage_ci.rules.one_line import last_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stage_ci.rules.evidence import Identity, Kind

PYTHON: Final = BIN.parent / "sigstore" / "bin" / "python"
PROGRAM: Final = Path(__file__).resolve().parents[2] / "src/stage_ci/adapters/programs/keyless.py"
PAYLOADS: Final = {str(kind): statement.payload() for kind, statement in STATEMENTS.items()}
# The workflow in a token of GitHub Actions, which the certificate names.
WORKFLOW: Final = "owner/service/.github/workflows/stage.yaml@refs/heads/main"
CLAIMS: Final = {"job_workflow_ref": WORKFLOW}


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended."""

    status: int
    output: str

    @property
    def cause(self) -> str:
        """Return the last line, as the module does."""
        return last_line(self.output)


@dataclass(frozen=True, slots=True)
class Client:
    """Runs the module's program as its container does, with files of a folder of its own."""

    folder: Path

    def sign(self, token: str, trust: Mapping[str, Any], payloads: Mapping[str, bytes] = PAYLOADS) -> Done:
        """Sign statements; the bundles are in ``signed()`` then."""
        (self.folder / "token").write_text(f"{token}\n")
        request = {"statements": {name: payload.decode() for name, payload in payloads.items()}}
        return self._run("sign", request, trust, "token", "signed.json")

    def signed(self) -> dict[str, Any]:
        """Return what the program wrote."""
        content: dict[str, Any] = json.loads((self.folder / "signed.json").read_text())
        return content

    def verify(self, pieces: Mapping[str, Mapping[str, str]], identity: Identity, trust: Mapping[str, Any]) -> Done:
        """Verify bundles with the digests of their statements."""
        request = {"name": identity.name, "issuer": identity.issuer, "bundles": pieces}
        return self._run("verify", request, trust)

    def _run(self, command: str, request: object, trust: Mapping[str, Any], *files: str) -> Done:
        (self.folder / "request.json").write_text(json.dumps(request))
        (self.folder / "trust.json").write_text(json.dumps(trust))
        variables = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        arguments: list[str | Path] = [PYTHON, PROGRAM, command, "request.json", *files, "trust.json"]
        done = subprocess.run(
            arguments, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=120, check=False
        )
        return Done(done.returncode, done.stdout + done.stderr)


@dataclass(frozen=True, slots=True)
class Release:
    """Statements that were signed.

    Attributes:
        identity: Who signed them.
        bundles: The bundle of each, by its kind.
    """

    identity: Identity
    bundles: Mapping[Kind, str]
