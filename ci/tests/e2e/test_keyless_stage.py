"""A stage that signs without a key, with a Sigstore instance on this machine.

The servers listen on the address that this machine has in the network of the containers of ci/engine's engine.
`test_keyless.py` verifies such evidence without an instance.
"""

import json
import re
from pathlib import Path
from typing import Final

import pytest
from canary import Search
from cli import dagger
from environment import CREDENTIAL_VARIABLES, Environment
from remote_engine import run as run_command
from test_canary import VERBOSE, search_engine_logs, search_release
from test_evidence import PREDICATES, run
from tests.keyless.client import CLAIMS, WORKFLOW
from tests.keyless.local_sigstore import local_sigstore

BRIDGE: Final = "dagger0"  # the engine's --network-name, in ci/engine/parts/engine.sh
TOKEN_FLAG: Final = "--identity-token=env://SIGSTORE_ID_TOKEN"  # noqa: S105 - names a variable

pytestmark = pytest.mark.slow


def bridge_address() -> str:
    """Return the address of this machine in the network of the engine's containers."""
    (interface,) = json.loads(run_command("ip", "-json", "-4", "address", "show", "dev", BRIDGE))
    address: str = interface["addr_info"][0]["local"]
    return address


def test_a_stage_signs_with_its_identity_token(env: Environment, source: Path, tmp_path: Path) -> None:
    """The workflow of the token signs the evidence, as module and cosign verify, and the token is found nowhere."""
    folder, trust = tmp_path / "sigstore", tmp_path / "trust.json"
    folder.mkdir()
    with local_sigstore(folder, bridge_address()) as sigstore:
        token, issuer = sigstore.workflows.token(**CLAIMS), sigstore.workflows.url
        trust.write_text(json.dumps(sigstore.trust))
        config = [TOKEN_FLAG, f"--sigstore-trust-config={trust}"]
        variables = {"SIGSTORE_ID_TOKEN": token}
        call = env.stage(source, "--format=json", *VERBOSE, config=config, variables=variables)
    env.assert_released(call, "v1.0.1")
    name = f"https://github.com/{WORKFLOW}"
    record = env.repository.git("log", "-1", "--format=%B", env.ref("records", "v1.0.1"))
    assert f"Signer: {name} {issuer}\n" in record

    # Nothing of the instance runs any more.
    flags = [*env.config, config[1]]
    verified = dagger("verify", "--image-version=v1.0.1", config=flags, variables=CREDENTIAL_VARIABLES)
    assert verified.status == 0, verified.error
    assert f"    identity   {name}, by {issuer}, that of its record\n" in verified.stdout
    assert env.deploy("v1.0.1", "--require-verified", config=flags[-1:]).status == 0

    (tmp_path / "root.json").write_text(json.dumps(sigstore.trust["trustedRoot"]))
    image = f"{env.registry_address}/{env.image}@{call.release['digest']}"
    signer = (f"--certificate-identity={name}", f"--certificate-oidc-issuer={issuer}")
    options = (*signer, "--trusted-root=root.json", "--use-signed-timestamps", "--allow-http-registry")
    run("cosign", "verify", *options, image, folder=tmp_path)
    for predicate in PREDICATES:
        run("cosign", "verify-attestation", *options, f"--type={predicate}", image, folder=tmp_path)

    # The longest word of the signature, without which the token is worth nothing.
    search = Search(max(re.findall(r"[A-Za-z0-9]+", token.rpartition(".")[2]), key=len), {"identity token": token})
    search_release(search, env, call)
    search_engine_logs(search)
    assert search.found == []
