"""Envelopes around statements: signed ones in a Sigstore bundle, unsigned ones as they are.

Sources: DSSE v1 (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md), Sigstore bundle v0.3
(https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto), and how cosign v3 stores it
(sigstore/cosign, pkg/oci/remote/write.go).
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidEvidence
from stage_ci.rules.evidence.statement import Kind
from stage_ci.rules.registry.image import EMPTY_TYPE, Artifact

_BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
# The fields of a bundle that hold the signer's certificate; the second one is that of versions before v0.3.
_CERTIFICATES: Final = frozenset({"certificate", "x509CertificateChain"})


def signing_input(payload: bytes) -> bytes:
    """Return the bytes that the signature of a statement is made over: DSSE's pre-authentication encoding.

    >>> signing_input(b"{}")
    b'DSSEv1 28 application/vnd.in-toto+json 2 {}'
    """
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A statement, and its signature if it has one.

    Attributes:
        payload: The JSON text of the statement.
        signature: The signature over ``signing_input(payload)``; empty if it is not signed.
        bundle: The Sigstore bundle as it was written, if a certificate names the signer; empty if a key signed.
    """

    payload: bytes
    signature: bytes = b""
    bundle: bytes = b""

    @classmethod
    def parse(cls, content: bytes, what: str) -> Self:
        """Return the envelope that a referrer of an image holds.

        Args:
            content: A bundle, or a statement that is not signed.
            what: What it should be, for the error.

        Raises:
            InvalidEvidence: if it is neither.
        """
        try:
            fields = json.loads(content)
            if "dsseEnvelope" not in fields:
                return cls(content)
            envelope = fields["dsseEnvelope"]
            (signature,) = envelope["signatures"]
            material = fields["verificationMaterial"] or {}
            certified = _CERTIFICATES & material.keys()
            parsed = cls(_decoded(envelope["payload"]), _decoded(signature["sig"]), content if certified else b"")
            payload_type = envelope["payloadType"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidEvidence(f"{what} is not a Sigstore bundle with one signature") from error
        if payload_type != _PAYLOAD_TYPE:
            raise InvalidEvidence(f"{what} holds something other than a statement: {payload_type!s:.100}")
        return parsed

    def artifact(self, kind: Kind, key_hint: str = "") -> Artifact:
        """Return the artifact that stores the statement as a referrer of its image.

        Args:
            kind: The kind of the statement.
            key_hint: Helps other programs to find the public key; no part of what is signed.
        """
        if not self.signature:
            return Artifact(EMPTY_TYPE, _PAYLOAD_TYPE, self.payload)
        bundle = {
            "mediaType": _BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": key_hint}},
            "dsseEnvelope": {
                "payload": _encoded(self.payload),
                "payloadType": _PAYLOAD_TYPE,
                "signatures": [{"sig": _encoded(self.signature)}],
            },
        }
        annotations = {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": kind.predicate_type,
        }
        content = self.bundle or json.dumps(bundle, separators=(",", ":")).encode()
        return Artifact(EMPTY_TYPE, _BUNDLE_TYPE, content, annotations=annotations)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
