"""Who signs the evidence of a run, and who must have signed that of a version."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import pytest
from tests.unit.rules.evidence import RECORD

from stage_ci.adapters.signing import PublicKey, SigningKey
from stage_ci.errors import InvalidInput
from stage_ci.rules.evidence import Envelope, Identity, Kind, signing_input
from stage_ci.steps.signing import KeylessSigner, KeySigner, Signing

if TYPE_CHECKING:
    import dagger

WORKFLOW: Final = "https://github.com/owner/service/.github/workflows/stage.yaml@refs/heads/main"
GITHUB: Final = "https://token.actions.githubusercontent.com"
TRUST: Final = '{"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}'


class Text:
    """A secret or a file of a caller, as far as signing reads it."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def plaintext(self) -> str:
        """Return the secret."""
        return self._text

    async def contents(self) -> str:
        """Return the content of the file."""
        return self._text


def secret(text: str) -> dagger.Secret:
    """Return a secret."""
    return cast("dagger.Secret", Text(text))


def file(text: str) -> dagger.File:
    """Return a file."""
    return cast("dagger.File", Text(text))


def token(**changed: object) -> str:
    """Return a token for Sigstore with changed claims."""
    now = int(time.time())
    claims = {"iss": GITHUB, "sub": "x", "aud": "sigstore", "iat": now, "exp": now + 300} | changed
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.canary"


async def test_without_a_key_or_a_token_nothing_signs() -> None:
    """A run with neither a key nor a token has no signer."""
    assert await Signing().signer() is None


async def test_a_key_signs() -> None:
    """The private key of the caller signs each statement, and the record names its public key."""
    key = SigningKey.generate()
    signer = await Signing(key=secret(key.pem())).signer()
    assert isinstance(signer, KeySigner)
    signed = await signer.sign({Kind.SBOM: b"{}"})
    artifact = signed.artifacts[Kind.SBOM]
    envelope = Envelope.parse(artifact.layer, "the sbom")
    assert key.public.has_signed(signing_input(b"{}"), envelope.signature)
    assert artifact == Envelope(b"{}", envelope.signature).artifact(Kind.SBOM, key.public.hint)
    assert signed.signer == key.public.text


async def test_a_token_signs() -> None:
    """The token of the caller signs by the public instance, or by the one whose trust configuration is given."""
    given = secret(token())
    assert await Signing(identity_token=given).signer() == KeylessSigner(given, "")
    private = Signing(identity_token=given, trust_config=file(TRUST))
    assert await private.signer() == KeylessSigner(given, TRUST)


@pytest.mark.parametrize("text", [token(exp=1), token(aud="other"), "canary"])
async def test_an_unusable_token_is_rejected_before_anything_runs(text: str) -> None:
    """A token that has expired or is for another audience is an error of its step, which does not repeat it."""
    with pytest.raises(InvalidInput, match=r"^sign: invalid --identity-token: ") as rejected:
        await Signing(identity_token=secret(text)).signer()
    assert "canary" not in str(rejected.value)


async def test_a_trust_configuration_of_another_kind_is_rejected() -> None:
    """A file that is no trust configuration is an error that names the flag."""
    with pytest.raises(InvalidInput, match="invalid --sigstore-trust-config"):
        await Signing(identity_token=secret(token()), trust_config=file("{}")).signer()


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (
            {"key": secret("key"), "identity_token": secret("token")},
            "--signing-key and --identity-token exclude each other",
        ),
        ({"certificate_identity": WORKFLOW}, "--certificate-identity and --certificate-oidc-issuer need each other"),
        ({"certificate_oidc_issuer": GITHUB}, "--certificate-identity and --certificate-oidc-issuer need each other"),
        (
            {"public_key": file("key"), "certificate_identity": WORKFLOW, "certificate_oidc_issuer": GITHUB},
            "--public-key and --certificate-identity exclude each other",
        ),
    ],
)
def test_contradicting_arguments_are_rejected(given: dict[str, str], cause: str) -> None:
    """Arguments that exclude each other, or of which one is missing, are an error in one line."""
    with pytest.raises(InvalidInput) as rejected:
        Signing(**given)  # type: ignore[arg-type]
    assert rejected.value.cause == cause


async def test_the_expected_signer_is_the_callers_or_the_records() -> None:
    """What the caller expects decides, and without that the record: an identity or a key."""
    keys = [SigningKey.generate().public for _ in range(2)]
    by_key = replace(RECORD, signer=keys[0].text)
    by_workflow = replace(RECORD, signer=f"{WORKFLOW} {GITHUB}")
    expected = Signing(certificate_identity="dev@example.com", certificate_oidc_issuer=GITHUB)
    for record in (by_key, by_workflow):
        assert await expected.expected_signer(record) == Identity("dev@example.com", GITHUB)
        found = await Signing(public_key=file(keys[1].text)).expected_signer(record)
        assert isinstance(found, PublicKey)
        assert found.text == keys[1].text
    assert await Signing().expected_signer(by_workflow) == Identity(WORKFLOW, GITHUB)
    recorded = await Signing().expected_signer(by_key)
    assert isinstance(recorded, PublicKey)
    assert recorded.text == keys[0].text
