"""Signing without a key: identities, tokens, trust configurations, and bundles with a certificate."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.evidence import (
    BUNDLE_TYPE,
    DIGEST,
    RECORD,
    SBOM,
    SBOM_TYPE,
    SIGNED,
    bundle,
    has_signed,
    json_values,
    pushed,
    signed,
)

from stage_ci.errors import InvalidEvidence, InvalidInput
from stage_ci.rules.evidence import Envelope, Identity, Kind
from stage_ci.rules.evidence.check import keyless_evidence, verify_evidence
from stage_ci.rules.evidence.keyless import raise_if_not_trust_config, raise_if_unusable
from stage_ci.rules.record import Record
from stage_ci.rules.registry.referrers import Referrer

NOW: Final = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECONDS: Final = int(NOW.timestamp())
CLAIMS: Final[dict[str, Any]] = {
    "iss": "https://issuer.example.com",
    "sub": "workflow",
    "aud": "sigstore",
    "iat": SECONDS - 60,
    "exp": SECONDS + 60,
}
WORKFLOW: Final = "https://github.com/owner/service/.github/workflows/stage.yaml@refs/heads/main"
GITHUB: Final = "https://token.actions.githubusercontent.com"


def token(claims: object) -> str:
    """Return a token with claims, whose header and signature no rule reads."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize("changed", [{}, {"aud": ["other", "sigstore"]}, {"nbf": SECONDS}, {"exp": SECONDS + 0.5}])
def test_a_token_for_sigstore_is_accepted(changed: dict[str, object]) -> None:
    """A token is usable while it is valid, if sigstore is one of its audiences; a final newline does not matter."""
    raise_if_unusable(f"{token(CLAIMS | changed)}\n", NOW)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": SECONDS}, "it expired at 2026-05-04 12:00:00 UTC"),
        ({"exp": SECONDS - 86_400}, "it expired at 2026-05-03 12:00:00 UTC"),
        ({"nbf": SECONDS + 1}, "it is not valid before 2026-05-04 12:00:01 UTC"),
        ({"aud": "https://github.com/owner"}, "its audience is 'https://github.com/owner', not sigstore"),
        ({"aud": ["sigstore.dev"]}, "its audience is \"['sigstore.dev']\", not sigstore"),
        ({"aud": "x" * 200}, f"its audience is '{'x' * 100}', not sigstore"),
        ({"exp": "tomorrow"}, "its exp is not a time"),
        ({"exp": 1e300}, "its exp is not a time"),
        ({"exp": None}, "its exp is not a time"),
        ({"nbf": []}, "its nbf is not a time"),
    ],
)
def test_a_token_with_wrong_claims_is_rejected(changed: dict[str, object], reason: str) -> None:
    """A token that has expired, is not valid yet or is for another audience is an error that says so."""
    with pytest.raises(InvalidInput) as rejected:
        raise_if_unusable(token(CLAIMS | changed), NOW)
    remedy = "get a new token with the audience sigstore and run again"
    assert str(rejected.value) == f"sign: invalid --identity-token: {reason}; {remedy}"


@pytest.mark.parametrize("names", [("iss",), ("sub",), ("aud",), ("iat",), ("exp",), ("iss", "exp")])
def test_a_token_without_a_claim_is_rejected(names: tuple[str, ...]) -> None:
    """A token that lacks a claim that OpenID Connect requires is an error that names each one."""
    claims = {name: value for name, value in CLAIMS.items() if name not in names}
    with pytest.raises(InvalidInput, match=f"invalid --identity-token: it has no {' and no '.join(names)};"):
        raise_if_unusable(token(claims), NOW)


NO_TOKENS: Final = ["", "\n", "secret", "a.b", "a.é.c", "a.b.c", "a.e3!0.c", "a.b.c.d", token([]), token("claims")]
DEEP: Final = f"e30.{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.c2ln"


@pytest.mark.parametrize("text", [*NO_TOKENS, DEEP])
def test_what_is_no_token_is_rejected(text: str) -> None:
    """A text that is not a JSON Web Token is an error that does not repeat it."""
    with pytest.raises(InvalidInput) as rejected:
        raise_if_unusable(text, NOW)
    assert rejected.value.cause == "invalid --identity-token: it is not a JSON Web Token"
    assert rejected.value.__cause__ is None


@given(st.dictionaries(st.sampled_from([*CLAIMS, "nbf"]), json_values))
def test_any_claims_are_usable_or_rejected(changed: dict[str, object]) -> None:
    """A token with claims of any JSON raises no other error."""
    with suppress(InvalidInput):
        raise_if_unusable(token(CLAIMS | changed), NOW)


@pytest.mark.parametrize("name", [WORKFLOW, "dev@example.com", "https://example.com/my workflow"])
def test_an_identity_is_read_back_from_a_record(name: str) -> None:
    """The record of keyless evidence names identity and issuer, also if the identity has a space."""
    identity = Identity.parse(name, GITHUB)
    record = Record(RECORD.repository, RECORD.version, DIGEST, RECORD.inputs, signer=str(identity))
    text = record.text()
    assert f"\nSigner: {name} {GITHUB}\n" in text
    read = Record.parse(text, record.repository, record.version)
    assert (read, Identity.recorded(read.signer)) == (record, identity)


@pytest.mark.parametrize("signer", ["", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+/8="])
def test_a_public_key_is_no_identity(signer: str) -> None:
    """The signer of a record is no identity if it is a key in base64, or missing."""
    assert Identity.recorded(signer) is None


@pytest.mark.parametrize(
    ("name", "issuer", "flag"),
    [
        ("", GITHUB, "--certificate-identity"),
        (WORKFLOW, "", "--certificate-oidc-issuer"),
        ("dev@example.com\nSigner: x y", GITHUB, "--certificate-identity"),
        ("dev@example.com\u2028", GITHUB, "--certificate-identity"),
        (" dev@example.com", GITHUB, "--certificate-identity"),
        (WORKFLOW, f"{GITHUB}\n", "--certificate-oidc-issuer"),
        (WORKFLOW, "https://a.example.com https://b.example.com", "--certificate-oidc-issuer"),
    ],
)
def test_an_identity_that_a_record_cannot_hold_is_rejected(name: str, issuer: str, flag: str) -> None:
    """An identity that is empty or would be a line of its own in a record is an error that names the flag."""
    with pytest.raises(InvalidInput, match=f"^input: invalid {flag}: "):
        Identity.parse(name, issuer)


TRUST_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


def test_a_trust_configuration_is_accepted() -> None:
    """A JSON object with the media type of a ClientTrustConfig is one."""
    raise_if_not_trust_config(json.dumps({"mediaType": TRUST_TYPE}))


ROOT: Final = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "[" * 100_000, json.dumps(ROOT), f'"{TRUST_TYPE}"'])
def test_what_is_no_trust_configuration_is_rejected(text: str) -> None:
    """Anything else, such as a trusted root alone, is an error that names the flag and the type."""
    with pytest.raises(
        InvalidInput, match=r"^input: invalid --sigstore-trust-config: expected JSON with the mediaType "
    ):
        raise_if_not_trust_config(text)


def certified(field: str = "certificate", **changed: object) -> bytes:
    """Return a bundle with a certificate in place of a key, in which no rule looks into the certificate."""
    material = {field: {"rawBytes": "AA=="}, "tlogEntries": [{}]}
    return json.dumps(json.loads(bundle(**changed)) | {"verificationMaterial": material}).encode()


@pytest.mark.parametrize("field", ["certificate", "x509CertificateChain"])
def test_a_bundle_with_a_certificate_is_kept_as_it_is(field: str) -> None:
    """The bundle of Sigstore's client is read and stored byte for byte, because its parts belong together."""
    content = certified(field)
    envelope = Envelope.parse(content, "the sbom")
    assert envelope == Envelope(b"{}", b"sig", content)
    artifact = envelope.artifact(Kind.SBOM)
    assert (artifact.layer, artifact.layer_media_type) == (content, BUNDLE_TYPE)
    assert artifact.annotations["dev.sigstore.bundle.predicateType"] == SBOM_TYPE


def of_sbom(content: bytes) -> Referrer:
    """Return the statement of the SBOM in a bundle, as a referrer of the image."""
    envelope = json.loads(content)["dsseEnvelope"] | {"payload": base64.b64encode(SBOM.payload()).decode()}
    return Referrer(DIGEST, json.dumps(json.loads(content) | {"dsseEnvelope": envelope}).encode())


def test_evidence_with_a_certificate_is_read() -> None:
    """Evidence that a certificate signed is returned with its bundle, for Sigstore's client to verify."""
    referrer = of_sbom(certified())
    envelope, statement = keyless_evidence(Kind.SBOM, RECORD, referrer)
    assert (envelope.bundle, statement) == (referrer.content, SBOM)


@pytest.mark.parametrize(
    ("referrer", "reason"),
    [
        (None, "is missing from the registry: "),
        (signed(SBOM), "is signed with a key, not with a certificate;"),
        (pushed(SBOM, b""), "is not signed;"),
        (Referrer(DIGEST, json.dumps(SIGNED | {"verificationMaterial": ["certificate"]}).encode()), "is not a Sig"),
        (Referrer(None, certified()), "refers to None"),
    ],
)
def test_evidence_without_a_certificate_is_rejected(referrer: Referrer | None, reason: str) -> None:
    """Evidence that must be keyless is rejected if it is missing, not signed, signed with a key or damaged."""
    with pytest.raises(InvalidEvidence, match=f"^verify: the sbom of .*/service:v1.0.7 {reason}"):
        keyless_evidence(Kind.SBOM, RECORD, referrer)


def test_evidence_of_another_image_is_rejected() -> None:
    """A keyless bundle whose statement is about another image is rejected before anything looks at its certificate."""
    statement = json.loads(SBOM.payload()) | {"subject": [{"name": "x", "digest": {"sha256": "e" * 64}}]}
    content = certified(payload=base64.b64encode(json.dumps(statement).encode()).decode())
    with pytest.raises(InvalidEvidence, match=f"the sbom of {DIGEST} is about sha256:e"):
        keyless_evidence(Kind.SBOM, RECORD, Referrer(DIGEST, content))


def test_a_certificate_is_no_key() -> None:
    """Evidence that must be signed by a key is rejected if a certificate signed it."""
    with pytest.raises(InvalidEvidence, match=r"/service:v1\.0\.7 is signed with a certificate, not with a key;"):
        verify_evidence(Kind.SBOM, RECORD, of_sbom(certified()), has_signed)
