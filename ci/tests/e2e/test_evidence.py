"""The evidence of a release, verified by the module and by programs that are not the project's: cosign and oras."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cli import REPOSITORY, dagger
from environment import CREDENTIAL_VARIABLES, Environment

BIN: Final = REPOSITORY / ".venv" / "bin"
PASSWORD: Final = {"COSIGN_PASSWORD": "canary-signing-2c70"}
PREDICATES: Final = (
    "https://cyclonedx.org/bom",
    "https://slsa.dev/provenance/v1",
    "https://in-toto.io/attestation/vulns/v0.2",
)
# A key's signature needs no certificate authority or log: the root of trust is empty, and nothing is downloaded.
TRUSTED_ROOT: Final = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}


def run(program: str, *arguments: str, folder: Path, variables: Mapping[str, str] = PASSWORD) -> str:
    """Run a program of the tests in ``folder`` and return its standard output; fail if it fails."""
    done = subprocess.run(
        [BIN / program, *arguments], cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a key pair of cosign, in cosign.key and cosign.pub."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "root.json").write_text(json.dumps(TRUSTED_ROOT))
    run("cosign", "generate-key-pair", folder=folder)
    return folder


def signing(keys: Path) -> list[str]:
    """Return the constructor flags that sign with the key in a folder."""
    return [f"--signing-key=file://{keys}/cosign.key", "--signing-password=env://COSIGN_PASSWORD"]


def discover(env: Environment, digest: str, folder: Path) -> list[dict[str, Any]]:
    """Return what oras lists as referrers of an image."""
    reference = f"{env.registry_address}/{env.image}@{digest}"
    found = json.loads(run("oras", "discover", "--plain-http", "--format=json", reference, folder=folder))
    referrers: list[dict[str, Any]] = found["referrers"]
    return referrers


@pytest.mark.fault(49)
def test_a_release_can_be_verified_by_anybody(env: Environment, source: Path, keys: Path) -> None:
    """Cosign and oras verify what a release pushed; the module does too, and names the piece that is gone.

    The chain is tag, record, digest, evidence, commit, manifest. The unit tests have evidence of other images.
    """
    call = env.stage(source, "--format=json", config=signing(keys), variables=PASSWORD)
    env.assert_released(call, "v1.0.1")
    assert "canary-signing" not in call.stdout + call.stderr
    release: dict[str, Any] = json.loads(call.stdout)
    digest, evidence = release["digest"], release["evidence"]
    record = env.repository.git("log", "-1", "--format=%B", env.ref("records", "v1.0.1"))
    assert all(f"Evidence: {kind} {piece}\n" in record for kind, piece in evidence.items())
    assert {referrer["digest"] for referrer in discover(env, digest, keys)} == set(evidence.values())

    image = f"{env.registry_address}/{env.image}@{digest}"
    offline = ("--key=cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry", "--trusted-root=root.json")
    run("cosign", "verify", *offline, image, folder=keys)
    for predicate in PREDICATES:
        run("cosign", "verify-attestation", *offline, f"--type={predicate}", image, folder=keys)

    def verify(*config: str, rebuild: Path | None = None) -> tuple[int, str]:
        flags = [f"--source={rebuild}", "--rebuild"] if rebuild else []
        config_flags = [*env.config, *config]
        result = dagger("verify", "--image-version=v1.0.1", *flags, config=config_flags, variables=CREDENTIAL_VARIABLES)
        return result.status, result.error or result.stdout

    status, text = verify(f"--public-key={keys}/cosign.pub", rebuild=source)
    assert (status, text.partition("\n")[0]) == (0, f"Verified: docker.io/{env.image}:v1.0.1@{digest}"), text
    assert "that of --public-key" in text
    assert "    rebuild    equal, byte for byte, from inputs sha256:" in text
    assert "packages, nothing critical that has a fix" in text
    assert env.deploy("v1.0.1", "--require-verified").status == 0

    (source / "src" / "service" / "__init__.py").write_text("# changed\n")
    assert f"the source is not that of docker.io/{env.image}:v1.0.1" in verify(rebuild=source)[1]

    (keys / "cosign.pub").rename(keys / "first.pub")
    (keys / "cosign.key").unlink()
    run("cosign", "generate-key-pair", folder=keys)
    status, text = verify(f"--public-key={keys}/cosign.pub")
    assert status != 0
    assert f"the signature of docker.io/{env.image}:v1.0.1 is signed by another key, or changed" in text

    manifests = f"http://{env.registry_address}/v2/{env.image}/manifests"
    httpx.delete(f"{manifests}/{evidence['provenance']}", timeout=60).raise_for_status()
    gone = f"the provenance of docker.io/{env.image}:v1.0.1 is missing from the registry: {evidence['provenance']}"
    assert gone in verify()[1]
    refused = env.deploy("v1.0.1", "--require-verified")
    assert refused.status != 0
    assert gone in refused.error
    assert env.commits()[0] == release["commit"]


@pytest.mark.slow
@pytest.mark.fault(49)
def test_a_release_without_a_key_is_not_verified(env: Environment, source: Path, keys: Path) -> None:
    """Unsigned evidence is not enough for --require-verified, and a wrong password of the key stops a stage."""
    wrong = env.stage(source, config=signing(keys), variables={"COSIGN_PASSWORD": "another"})
    assert wrong.status != 0
    assert "sign: invalid --signing-key: the password is wrong" in wrong.error
    assert (env.tags(), env.claims()) == ({}, [])

    call = env.stage(source)
    assert call.status == 0, call.stderr
    assert "    evidence  sbom, provenance, verdict, not signed: it was released with neither --sign" in call.stdout
    refused = env.deploy("v1.0.1", "--require-verified")
    assert refused.status != 0
    assert f"the record of docker.io/{env.image}:v1.0.1 names no signature" in refused.error
