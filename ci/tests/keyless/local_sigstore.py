"""A Sigstore instance on this machine: certificates, their log, the log of signatures, and timestamps.

The servers are Sigstore's own, built by `make test-keyless`; only the issuer of the tokens is the tests'. The timestamp
authority serves its metrics on a fixed port of all interfaces, so the tests that need no engine have a network of their
own.
"""

import base64
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate, load_pem_x509_certificates
from tests.servers.loopback import Handler, Reply, Server
from tests.servers.programs import wait_until_answers

BIN: Final = Path(__file__).resolve().parents[3] / ".venv" / "bin"
LOOPBACK: Final = "127.0.0.1"
CONFIG: Final = "application/vnd.dev.sigstore"
START: Final = {"start": "2026-01-01T00:00:00Z"}
# Seconds for a server to answer after its start, on a busy machine.
READY: Final = 60.0


class TestIssuer(Server):
    """An OpenID Connect issuer that gives out any token, for tests."""

    __test__ = False

    def __init__(self, port: int) -> None:
        self.fixed_port = port
        self._key = rsa.generate_private_key(65537, 2048)

    @property
    def url(self) -> str:
        """Return the issuer's URL, the claim ``iss`` of its tokens."""
        return f"http://{LOOPBACK}:{self.port}"

    def handle(self, handler: Handler) -> Reply:
        """Answer the discovery of the issuer and of its keys (OpenID Connect Discovery 1.0, section 4)."""
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = (number.to_bytes((number.bit_length() + 7) // 8) for number in (numbers.n, numbers.e))
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": encode(modulus), "e": encode(exponent)}
        discovery = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": self.url,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        body = {"keys": [key]} if handler.read().target == "/keys" else discovery
        return Reply(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    def token(self, **claims: object) -> str:
        """Return a token with changed claims, signed by the issuer (RFC 7515, RS256)."""
        now = int(time.time())
        default = {"iss": self.url, "sub": "subject", "aud": "sigstore", "iat": now, "exp": now + 300}
        parts = ({"alg": "RS256", "kid": "1", "typ": "JWT"}, default | claims)
        signed = ".".join(encode(json.dumps(part).encode()) for part in parts)
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encode(signature)}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers of an instance listen.

    Attributes:
        host: The address of an interface of this machine.
    """

    host: str

    @property
    def fulcio(self) -> str:
        """Return the URL of the certificate authority."""
        return f"http://{self.host}:5001"

    @property
    def ct_log(self) -> str:
        """Return the URL of the log of certificates."""
        return f"http://{self.host}:5002"

    @property
    def rekor(self) -> str:
        """Return the URL of the log of signatures."""
        return f"http://{self.host}:5003"

    @property
    def timestamps(self) -> str:
        """Return the URL of the timestamp authority."""
        return f"http://{self.host}:5004"


@dataclass(frozen=True, slots=True)
class LocalSigstore:
    """A running instance.

    Attributes:
        people: The issuer of tokens for e-mail addresses.
        workflows: The issuer of tokens for workflows, as GitHub's.
        trust: The ClientTrustConfig, as JSON.
    """

    people: TestIssuer
    workflows: TestIssuer
    trust: Mapping[str, Any]


@contextlib.contextmanager
def local_sigstore(folder: Path, host: str = LOOPBACK) -> Iterator[LocalSigstore]:
    """Start an instance with its files in ``folder`` on an address of this machine; stop it at the end."""
    at = Addresses(host)
    with TestIssuer(5005) as people, TestIssuer(5006) as workflows, contextlib.ExitStack() as servers:
        keys = {name: key_pair(folder / f"{name}.pem") for name in ("ct", "rekor")}
        # JSON is YAML; with a comment it is not taken for JSON, in which Fulcio gives the fields other names.
        (folder / "fulcio.yaml").write_text(f"# YAML\n{json.dumps(identities(people.url, workflows.url))}")
        servers.enter_context(server(folder, "fulcio", fulcio(at, folder), f"{at.fulcio}/healthz"))
        chains = httpx.get(f"{at.fulcio}/api/v2/trustBundle").raise_for_status().json()["chains"]
        authority = [text for chain in chains for text in chain["certificates"]]
        (folder / "roots.pem").write_text("\n".join(authority))
        servers.enter_context(server(folder, "tesseract", tesseract(at, folder), f"{at.ct_log}/healthz"))
        servers.enter_context(server(folder, "rekor-server", rekor(at, folder), f"{at.rekor}/healthz"))
        servers.enter_context(server(folder, "timestamp-server", timestamps(at), f"{at.timestamps}/ping"))
        chain = httpx.get(f"{at.timestamps}/api/v1/timestamp/certchain").raise_for_status().content
        certificates = [load_pem_x509_certificate(text.encode()) for text in authority]
        trusted = trusted_root(at, keys, certificates, load_pem_x509_certificates(chain))
        trust = {
            "mediaType": f"{CONFIG}.clienttrustconfig.v0.1+json",
            "trustedRoot": trusted,
            "signingConfig": signing_config(at),
        }
        yield LocalSigstore(people, workflows, trust)


def identities(people: str, workflows: str) -> dict[str, Any]:
    """Return which issuers the certificate authority accepts, and what it certifies, as the public one for GitHub."""
    common = {"client-id": "sigstore"}
    provider = {
        "default-template-values": {"url": "https://github.com"},
        "extension-templates": {"build-signer-uri": "{{ .url }}/{{ .job_workflow_ref }}"},
        "subject-alternative-name-template": "{{ .url }}/{{ .job_workflow_ref }}",
    }
    return {
        "oidc-issuers": {
            people: {**common, "issuer-url": people, "type": "email"},
            workflows: {**common, "issuer-url": workflows, "type": "ci-provider", "ci-provider": "github-workflow"},
        },
        "ci-issuer-metadata": {"github-workflow": provider},
    }


def fulcio(at: Addresses, folder: Path) -> list[str]:
    """Return the arguments of the certificate authority, whose key lasts as long as its process.

    Its HTTP server reaches its gRPC server on the loopback interface.
    """
    return [
        "serve",
        "--ca=ephemeralca",
        f"--config-path={folder}/fulcio.yaml",
        *(f"--host={at.host}", "--port=5001", f"--grpc-host={LOOPBACK}", "--grpc-port=5011", "--metrics-port=5021"),
        f"--legacy-unix-domain-socket={folder}/fulcio.sock",
        f"--ct-log-url={at.ct_log}",
        f"--ct-log-public-key-path={folder}/ct.pub",
    ]


def tesseract(at: Addresses, folder: Path) -> list[str]:
    """Return the arguments of the log of certificates (static-ct-api)."""
    return [
        f"--http_endpoint={at.host}:5002",
        f"--origin={at.host}",
        f"--private_key={folder}/ct.pem",
        f"--roots_pem_file={folder}/roots.pem",
        f"--storage_dir={folder}/ct",
    ]


def rekor(at: Addresses, folder: Path) -> list[str]:
    """Return the arguments of the log of signatures (Rekor v2)."""
    return [
        "serve",
        # The origin of its checkpoints, which must be the host of its URL in the trusted root.
        f"--hostname={at.host}",
        *(f"--http-address={at.host}", "--http-port=5003", f"--grpc-address={LOOPBACK}", "--grpc-port=5013"),
        "--http-metrics-port=5023",
        f"--signer-filepath={folder}/rekor.pem",
        f"--storage-dir={folder}/rekor",
        "--checkpoint-interval=1s",
    ]


def timestamps(at: Addresses) -> list[str]:
    """Return the arguments of the timestamp authority (RFC 3161), whose key lasts as long as its process."""
    return ["serve", f"--host={at.host}", "--port=5004", "--timestamp-signer=memory", "--disable-ntp-monitoring"]


@contextlib.contextmanager
def server(folder: Path, program: str, arguments: list[str], health: str) -> Iterator[None]:
    """Start a server and wait until it answers; its output goes to a file in ``folder``."""
    path = folder / f"{program}.log"
    with path.open("wb") as log:
        process = subprocess.Popen([BIN / program, *arguments], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_answers(process, health, path, READY)
            yield
        finally:
            process.kill()
            process.wait()


def key_pair(path: Path) -> bytes:
    """Write a new private key and, beside it, its public key; return the latter as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(pem, public))
    return key.public_key().public_bytes(serialization.Encoding.DER, public)


def trusted_root(
    at: Addresses, keys: Mapping[str, bytes], authority: list[Certificate], timestamp_authority: list[Certificate]
) -> dict[str, Any]:
    """Return what verifies signatures of the instance (sigstore/protobuf-specs, sigstore_trustroot.proto)."""
    return {
        "mediaType": f"{CONFIG}.trustedroot+json;version=0.1",
        "tlogs": [trusted_log(at.rekor, keys["rekor"])],
        "ctlogs": [trusted_log(at.ct_log, keys["ct"])],
        "certificateAuthorities": [trusted_authority(at.fulcio, authority)],
        "timestampAuthorities": [trusted_authority(at.timestamps, timestamp_authority)],
    }


def trusted_log(url: str, key: bytes) -> dict[str, Any]:
    """Return a log with its public key in DER, whose digest identifies it (RFC 6962, section 3.2)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key)
    public = {"rawBytes": base64.b64encode(key).decode(), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": START}
    log_id = {"keyId": base64.b64encode(digest.finalize()).decode()}
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": log_id}


def trusted_authority(url: str, chain: list[Certificate]) -> dict[str, Any]:
    """Return an authority with its certificates, the root last."""
    encoded = [base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode() for each in chain]
    subject = {"organization": "test", "commonName": "test"}
    certificates = {"certificates": [{"rawBytes": text} for text in encoded]}
    return {"subject": subject, "uri": url, "certChain": certificates, "validFor": START}


def signing_config(at: Addresses) -> dict[str, Any]:
    """Return where the servers are (sigstore/protobuf-specs, sigstore_trustroot.proto, SigningConfig)."""
    services = {
        "caUrls": (at.fulcio, 1),
        "rekorTlogUrls": (at.rekor, 2),
        "tsaUrls": (f"{at.timestamps}/api/v1/timestamp", 1),
    }
    listed = {
        name: [{"url": url, "majorApiVersion": version, "validFor": START, "operator": "test"}]
        for name, (url, version) in services.items()
    }
    selectors = {"rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"}}
    return {"mediaType": f"{CONFIG}.signingconfig.v0.2+json", **listed, **selectors}


def encode(content: bytes) -> str:
    """Return base64 as in a token (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
