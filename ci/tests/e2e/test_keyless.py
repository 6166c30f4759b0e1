"""Evidence that a workflow signed without a key, verified by the module.

The evidence is that of testdata/keyless, made by tests/keyless/recorded.py; it is verified without a Sigstore instance.
"""

from typing import Final

import pytest
from cli import dagger
from environment import CREDENTIAL_VARIABLES, Environment
from real_registry import push_raw_image
from tests.keyless.recorded import IDENTITY, IMAGE, TRUST, digest, release
from tests.unit.rules.evidence import INPUTS

from stage_ci.adapters.registry import Registry
from stage_ci.rules.evidence import Envelope
from stage_ci.rules.record import Record
from stage_ci.rules.release import ReleaseLine

VERSION: Final = "v1.0.7"
TRUST_FLAG: Final = f"--sigstore-trust-config={TRUST}"
ISSUER_FLAG: Final = f"--certificate-oidc-issuer={IDENTITY.issuer}"
EXPECTED: Final = [TRUST_FLAG, ISSUER_FLAG, f"--certificate-identity={IDENTITY.name}"]
ANOTHER: Final = [TRUST_FLAG, ISSUER_FLAG, f"--certificate-identity={IDENTITY.name}s"]

pytestmark = pytest.mark.slow


async def push_release(env: Environment) -> None:
    """Push the image and its evidence, and record them as the run of the workflow did."""
    push_raw_image(env.registry_address, env.image, VERSION, IMAGE.read_bytes())
    bundles = release().bundles
    artifacts = [Envelope.parse(text.encode(), kind).artifact(kind) for kind, text in bundles.items()]
    async with Registry(f"http://{env.registry_address}", env.image, None) as registry:
        pieces = dict(zip(bundles, await registry.push_referrers(digest(), artifacts), strict=True))
    line = ReleaseLine.parse(env.image, "v1.0")
    record = Record(line.repository, line.versions.version(7), digest(), INPUTS, None, pieces, str(IDENTITY))
    commit = env.repository.git("commit-tree", "-m", record.text(), "main^{tree}").strip()
    env.repository.git("update-ref", record.ref, commit)


async def test_a_version_that_a_workflow_signed_is_verified_by_its_name(env: Environment) -> None:
    """Keyless evidence is verified by the identity of the caller or the record; another one deploys nothing."""
    await push_release(env)

    def verify(*config: str) -> tuple[int, str]:
        flags = [*env.config, *config]
        call = dagger("verify", f"--image-version={VERSION}", config=flags, variables=CREDENTIAL_VARIABLES)
        return call.status, call.error or call.stdout

    signer = f"    identity   {IDENTITY.name}, by {IDENTITY.issuer}, that of "
    for config, origin in ((EXPECTED, "--certificate-identity"), ([TRUST_FLAG], "its record")):
        status, text = verify(*config)
        assert (status, f"{signer}{origin}\n" in text) == (0, True), text

    name, before = f"docker.io/{env.image}:{VERSION}", env.commits()
    rejected = f"verify: the signature of {name} is not verified: Certificate's SANs do not match {IDENTITY.name}s"
    status, text = verify(*ANOTHER)
    assert status != 0
    assert rejected in text
    refused = env.deploy(VERSION, "--require-verified", config=ANOTHER)
    assert refused.status != 0
    assert rejected in refused.error
    assert env.commits() == before
    assert env.deploy(VERSION, "--require-verified", config=EXPECTED).status == 0
    assert f"image: {env.image}:{VERSION} " in env.read_file()
