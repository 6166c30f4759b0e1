"""Stages that sign without a key, with a Sigstore instance on this machine, and without one.

The servers listen on the address that this machine has in the network of the containers of ci/engine's engine.
`test_keyless.py` verifies recorded evidence.
"""

import base64
import json
import re
import time
from pathlib import Path
from typing import Final

import pytest
from canary import Search
from cli import dagger
from environment import CREDENTIAL_VARIABLES, Environment
from remote_engine import run as run_command
from test_canary import VERBOSE, search_engine_logs, search_release
from test_evidence import PREDICATES, TRUSTED_ROOT, run
from tests.keyless.client import CLAIMS, WORKFLOW
from tests.keyless.local_sigstore import local_sigstore

BRIDGE: Final = "dagger0"  # the engine's --network-name, in ci/engine/parts/engine.sh
TOKEN_FLAG: Final = "--identity-token=env://SIGSTORE_ID_TOKEN"  # noqa: S105 - names a variable

# Another instance, of which no server answers.
SERVICE: Final = {"url": "http://127.0.0.1:9", "validFor": {"start": "2026-01-01T00:00:00Z"}, "operator": "test"}
TRUST_CONFIG: Final = {
    "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    "trustedRoot": {**TRUSTED_ROOT, "tlogs": [], "certificateAuthorities": [], "ctlogs": []},
    "signingConfig": {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [{**SERVICE, "majorApiVersion": 1}],
        "rekorTlogUrls": [{**SERVICE, "majorApiVersion": 2}],
        "rekorTlogConfig": {"selector": "ANY"},
    },
}

pytestmark = pytest.mark.slow


def identity_token(**changed: object) -> str:
    """Return an OpenID Connect token for Sigstore, with a signature that is none."""
    now = int(time.time())
    claims = {"iss": "https://issuer.example.com", "sub": "canary", "aud": "sigstore", "iat": now, "exp": now + 3600}
    parts = [{"alg": "RS256"}, claims | changed, "canary-signature"]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


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

    # A part of the signature, without which the token is worth nothing.
    word = max(re.findall(r"[A-Za-z0-9]+", token.rpartition(".")[2]), key=len)[:40]
    search = Search(word, {"identity token": word})
    search_release(search, env, call)
    search_engine_logs(search)
    assert search.found == []


def test_without_a_certificate_nothing_is_released(env: Environment, source: Path, tmp_path: Path) -> None:
    """An expired token stops a stage before the build, and a Sigstore instance that does not answer, before the tag."""
    (tmp_path / "trust.json").write_text(json.dumps(TRUST_CONFIG))
    config = ["--identity-token=env://SIGSTORE_ID_TOKEN", f"--sigstore-trust-config={tmp_path}/trust.json"]
    before = env.commits()

    expired = env.stage(source, config=config, variables={"SIGSTORE_ID_TOKEN": identity_token(exp=1)})
    assert expired.status != 0
    assert "sign: invalid --identity-token: it expired at 1970-01-01 00:00:01 UTC" in expired.error
    assert (env.tags(), env.claims()) == ({}, [])

    token = identity_token()
    call = env.stage(source, config=config, variables={"SIGSTORE_ID_TOKEN": token})
    assert call.status != 0
    assert "sign: http://127.0.0.1:9 does not answer: " in call.error
    assert token not in call.stdout + call.stderr
    assert (env.tags(), env.commits()) == ({}, before)
