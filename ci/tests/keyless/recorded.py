"""A release that a workflow signed, in files: with them, a test verifies keyless evidence without a Sigstore instance.

As a program, it writes the files anew: `python -m tests.keyless.recorded`, in a network as that of `make test-keyless`.
"""

import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.keyless.client import CLAIMS, Client, Release
from tests.keyless.local_sigstore import local_sigstore
from tests.unit.rules.evidence import STATEMENTS

from stage_ci.rules.evidence import Identity, Kind
from stage_ci.rules.reference import Digest

FOLDER: Final = Path(__file__).resolve().parents[1] / "e2e" / "testdata" / "keyless"
TRUST: Final = FOLDER / "trust.json"
# An image manifest without layers, whose configuration is an empty JSON object.
IMAGE: Final = FOLDER / "image.json"
IDENTITY: Final = Identity(
    "https://github.com/owner/service/.github/workflows/stage.yaml@refs/heads/main", "http://127.0.0.1:5006"
)


def digest() -> Digest:
    """Return the digest of the image."""
    return Digest.parse(f"sha256:{hashlib.sha256(IMAGE.read_bytes()).hexdigest()}")


def statements() -> dict[Kind, bytes]:
    """Return the statements about the image, by kind."""
    return {kind: replace(statement, digest=digest()).payload() for kind, statement in STATEMENTS.items()}


def release() -> Release:
    """Return the signed statements."""
    return Release(IDENTITY, {kind: (FOLDER / f"{kind}.json").read_text() for kind in Kind})


def main() -> None:
    """Sign the statements with an instance, and write the bundles and the trust configuration."""
    with tempfile.TemporaryDirectory() as folder, local_sigstore(Path(folder)) as sigstore:
        client = Client(Path(folder))
        payloads = {str(kind): payload for kind, payload in statements().items()}
        done = client.sign(sigstore.workflows.token(**CLAIMS), sigstore.trust, payloads)
        assert done.status == 0, done.output
        TRUST.write_text(f"{json.dumps(sigstore.trust, indent=2)}\n")
        for name, text in client.signed()["bundles"].items():
            (FOLDER / f"{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
