"""Keyless signatures of a Sigstore instance, made by the module's program, and verified by it and by cosign."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.keyless import recorded
from tests.keyless.client import CLAIMS, WORKFLOW, Client, Release
from tests.keyless.local_sigstore import BIN, LocalSigstore, key_pair, trusted_log
from tests.unit.rules.evidence import DIGEST, STATEMENTS, bundle

from stage_ci.adapters.keyless import INVALID, REJECTED
from stage_ci.rules.evidence import Envelope, Identity, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Change = Callable[[dict[str, Any]], object]

UNAVAILABLE: Final = 4
# The discard port, on which nothing listens.
NOBODY: Final = "http://127.0.0.1:9"


def pieces(release: Release, signature: str | None = None) -> dict[str, dict[str, str]]:
    """Return the bundles of a release as the program takes them, that of the signature replaced by another text."""
    bundles = release.bundles if signature is None else {**release.bundles, Kind.SIGNATURE: signature}
    return {
        f"the {kind}": {"bundle": text, "sha256": hashlib.sha256(STATEMENTS[kind].payload()).hexdigest()}
        for kind, text in bundles.items()
    }


def test_a_workflow_signs_all_evidence(release: Release, sigstore: LocalSigstore, client: Client) -> None:
    """The evidence of a release is signed by the workflow that its token names, and verified without a server."""
    assert release.identity == Identity(f"https://github.com/{WORKFLOW}", sigstore.workflows.url)
    payloads = {kind: Envelope.parse(text.encode(), "it").payload for kind, text in release.bundles.items()}
    assert payloads == {kind: statement.payload() for kind, statement in STATEMENTS.items()}
    assert client.verify(pieces(release), release.identity, sigstore.trust).status == 0


def test_a_recorded_release_is_verified(client: Client) -> None:
    """The files with which an end-to-end test verifies keyless evidence are valid, also long after the certificate."""
    trust = json.loads(recorded.TRUST.read_text())
    payloads = {text: Envelope.parse(text.encode(), "it").payload for text in recorded.release().bundles.values()}
    found = {
        f"the {kind}": {"bundle": text, "sha256": hashlib.sha256(payloads[text]).hexdigest()}
        for kind, text in recorded.release().bundles.items()
    }
    done = client.verify(found, recorded.IDENTITY, trust)
    assert done.status == 0, done.output


def test_a_person_signs(sigstore: LocalSigstore, client: Client) -> None:
    """A token that names an e-mail address signs for it, and is in nothing that the program prints or writes."""
    token = sigstore.people.token(email="dev@example.com", email_verified=True)
    done = client.sign(token, sigstore.trust)
    assert done.status == 0, done.output
    signed = client.signed()
    assert (signed["name"], signed["issuer"]) == ("dev@example.com", sigstore.people.url)
    assert token not in done.output + json.dumps(signed)


@pytest.mark.parametrize("kind", Kind)
def test_cosign_verifies_a_bundle(kind: Kind, release: Release, sigstore: LocalSigstore, tmp_path: Path) -> None:
    """Cosign verifies each bundle against the trusted root, the identity, the predicate and the image's digest."""
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trust["trustedRoot"]))
    (tmp_path / "bundle.json").write_text(release.bundles[kind])

    def cosign(identity: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [
            BIN / "cosign",
            *("verify-blob-attestation", "--bundle=bundle.json", "--trusted-root=root.json"),
            *(f"--certificate-identity={identity}", f"--certificate-oidc-issuer={release.identity.issuer}"),
            "--use-signed-timestamps",  # Rekor v2 gives none
            *(f"--type={kind.predicate_type}", f"--digest={str(DIGEST).partition(':')[2]}", "--digestAlg=sha256"),
        ]
        variables = os.environ | {"HOME": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    verified = cosign(release.identity.name)
    assert verified.returncode == 0, verified.stderr
    assert cosign("https://github.com/owner/other").returncode != 0


ANOTHER: Final[dict[str, Callable[[Identity], Identity]]] = {
    "name": lambda identity: Identity(f"{identity.name}s", identity.issuer),
    "branch": lambda identity: Identity(identity.name.replace("main", "feature"), identity.issuer),
    "prefix": lambda identity: Identity(identity.name.partition("@")[0], identity.issuer),
    "issuer": lambda identity: Identity(identity.name, "https://token.actions.githubusercontent.com"),
}


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_evidence_of_another_signer_is_rejected(
    change: Callable[[Identity], Identity], release: Release, sigstore: LocalSigstore, client: Client
) -> None:
    """A bundle is rejected if its certificate names another workflow, branch or issuer than it must."""
    done = client.verify(pieces(release), change(release.identity), sigstore.trust)
    assert done.status == INVALID, done.output
    assert done.cause.startswith("the signature is not verified: Certificate's ")


@pytest.mark.parametrize("name", ["certificateAuthorities", "timestampAuthorities", "tlogs", "ctlogs"])
def test_evidence_of_another_instance_is_rejected(
    name: str, release: Release, sigstore: LocalSigstore, client: Client, tmp_path: Path
) -> None:
    """A bundle is rejected if its certificate, its timestamp or one of its logs is of an instance not trusted."""
    root = sigstore.trust["trustedRoot"]
    other = {
        "certificateAuthorities": root["timestampAuthorities"],
        "timestampAuthorities": root["certificateAuthorities"],
        "tlogs": [trusted_log(root["tlogs"][0]["baseUrl"], key_pair(tmp_path / "other.pem"))],
        "ctlogs": [trusted_log(root["ctlogs"][0]["baseUrl"], key_pair(tmp_path / "other.pem"))],
    }
    trust = {**sigstore.trust, "trustedRoot": {**root, name: other[name]}}
    done = client.verify(pieces(release), release.identity, trust)
    assert done.status == INVALID, done.output
    assert done.cause.startswith("the signature is not verified: ")


MATERIAL: Final = ("verificationMaterial", "tlogEntries", "0")
STAMPS: Final = ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps", "0", "signedTimestamp")
FIELDS: Final = {
    "payload": ("dsseEnvelope", "payload"),
    "signature": ("dsseEnvelope", "signatures", "0", "sig"),
    "certificate": ("verificationMaterial", "certificate", "rawBytes"),
    "entry": (*MATERIAL, "canonicalizedBody"),
    "root hash": (*MATERIAL, "inclusionProof", "rootHash"),
    "timestamp": STAMPS,
}


def tampered(text: str, path: tuple[str, ...]) -> str:
    """Return a bundle in which one bit of a field in base64 is changed."""
    fields = json.loads(text)
    parent = fields
    for key in path[:-1]:
        parent = parent[int(key) if key.isdigit() else key]
    content = bytearray(base64.b64decode(parent[path[-1]]))
    content[len(content) // 2] ^= 1
    parent[path[-1]] = base64.b64encode(content).decode()
    return json.dumps(fields)


@pytest.mark.parametrize("path", FIELDS.values(), ids=FIELDS)
def test_a_tampered_bundle_is_rejected(
    path: tuple[str, ...], release: Release, sigstore: LocalSigstore, client: Client
) -> None:
    """A bundle is rejected if one bit of its statement, signature, certificate, log entry or timestamp is changed."""
    changed = tampered(release.bundles[Kind.SIGNATURE], path)
    done = client.verify(pieces(release, changed), release.identity, sigstore.trust)
    assert done.status == INVALID, done.output
    assert done.cause.startswith("the signature is not verified: ")


@pytest.mark.parametrize("text", ["", "null", "{}", "\ufffd", bundle().decode()])
def test_what_is_no_keyless_bundle_is_rejected(
    text: str, release: Release, sigstore: LocalSigstore, client: Client
) -> None:
    """A text that is no bundle, or one that a key signed, is rejected in one line."""
    done = client.verify(pieces(release, text), release.identity, sigstore.trust)
    assert done.status == INVALID, done.output
    assert done.cause.startswith("the signature is not verified: ")


def test_the_bundle_of_another_statement_is_rejected(release: Release, sigstore: LocalSigstore, client: Client) -> None:
    """A valid bundle is rejected in place of another one of the same signer."""
    done = client.verify(pieces(release, release.bundles[Kind.SBOM]), release.identity, sigstore.trust)
    assert (done.status, done.cause) == (INVALID, "the signature is not verified: another statement was signed")


class Tokens:
    """Tokens that Sigstore must reject."""

    @staticmethod
    def expired(sigstore: LocalSigstore) -> str:
        """Return one that was valid a minute ago."""
        return sigstore.workflows.token(**CLAIMS, exp=int(time.time()) - 60)

    @staticmethod
    def for_another_audience(sigstore: LocalSigstore) -> str:
        """Return one for another service."""
        return sigstore.workflows.token(**CLAIMS, aud="https://example.com")

    @staticmethod
    def forged(sigstore: LocalSigstore) -> str:
        """Return one that names an issuer whose key did not sign it."""
        return sigstore.people.token(**CLAIMS, iss=sigstore.workflows.url)

    @staticmethod
    def of_an_unknown_issuer(sigstore: LocalSigstore) -> str:
        """Return one of an issuer that the instance does not know."""
        return sigstore.workflows.token(**CLAIMS, iss="http://127.0.0.1:9")

    @staticmethod
    def without_an_identity(sigstore: LocalSigstore) -> str:
        """Return one that lacks the claim that the certificate would name."""
        return sigstore.people.token()

    @staticmethod
    def unverified(sigstore: LocalSigstore) -> str:
        """Return one with an e-mail address that its issuer did not verify."""
        return sigstore.people.token(email="dev@example.com", email_verified=False)

    @staticmethod
    def malformed(_: LocalSigstore) -> str:
        """Return a text that is no token."""
        return "canary-token"


TOKENS: Final = [value.__func__ for value in vars(Tokens).values() if isinstance(value, staticmethod)]


@pytest.mark.parametrize("make", TOKENS, ids=lambda make: str(make.__name__))
def test_an_unusable_token_is_rejected(
    make: Callable[[LocalSigstore], str], sigstore: LocalSigstore, client: Client
) -> None:
    """A token that is expired, forged or for something else signs nothing, and is not in the error."""
    token = make(sigstore)
    done = client.sign(token, sigstore.trust)
    assert done.status == REJECTED, done.output
    assert "Traceback" not in done.output
    assert token not in done.output
    assert not (client.folder / "signed.json").exists()


def elsewhere(service: str) -> Change:
    """Return a change of the trust configuration after which nothing listens at the address of a service."""
    return lambda trust: trust["signingConfig"][service][0].update(url=NOBODY)


CHANGES: Final[dict[str, tuple[Change, str]]] = {
    "fulcio": (elsewhere("caUrls"), f"{NOBODY} does not answer"),
    "rekor": (elsewhere("rekorTlogUrls"), f"{NOBODY} does not answer"),
    "timestamps": (elsewhere("tsaUrls"), "timestamp"),
    "no log": (lambda trust: trust["signingConfig"].pop("rekorTlogUrls"), "No valid Rekor"),
    "no authority": (lambda trust: trust["signingConfig"].pop("caUrls"), "No valid Fulcio"),
    "no root": (lambda trust: trust.pop("trustedRoot"), "trustedRoot"),
    "swapped logs": (lambda trust: trust["trustedRoot"].update(ctlogs=trust["trustedRoot"]["tlogs"]), "SCT"),
}


@pytest.mark.parametrize(("change", "shown"), CHANGES.values(), ids=CHANGES)
def test_an_unusable_instance_is_named(change: Change, shown: str, sigstore: LocalSigstore, client: Client) -> None:
    """Nothing is signed if a server does not answer or the trust configuration is of another instance."""
    trust: dict[str, Any] = copy.deepcopy(dict(sigstore.trust))
    change(trust)
    token = sigstore.workflows.token(**CLAIMS)
    done = client.sign(token, trust)
    assert done.status == UNAVAILABLE, done.output
    assert shown in done.cause
    assert "Traceback" not in done.output
    assert token not in done.output
    assert not (client.folder / "signed.json").exists()


def test_a_trust_configuration_is_needed_to_verify(release: Release, client: Client) -> None:
    """An unusable trust configuration is an error of its own, not of the evidence."""
    trust: Mapping[str, Any] = {"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}
    done = client.verify(pieces(release), release.identity, trust)
    assert (done.status, "Traceback" in done.output) == (UNAVAILABLE, False), done.output
