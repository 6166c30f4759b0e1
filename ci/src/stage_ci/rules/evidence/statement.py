"""Statements about an image.

Source: in-toto Attestation Framework v1 (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from stage_ci.errors import InvalidEvidence
from stage_ci.rules.reference import Digest

_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_ALGORITHM: Final = "sha256"


class Kind(StrEnum):
    """What a statement says about its image."""

    SIGNATURE = "signature"
    SBOM = "sbom"
    PROVENANCE = "provenance"
    VERDICT = "verdict"

    @property
    def predicate_type(self) -> str:
        """The URI of the predicate's format."""
        return _PREDICATES[self]


_PREDICATES: Final = {
    # What `cosign sign` states: nothing but that its signer signed (sigstore/cosign, pkg/types/predicate.go).
    Kind.SIGNATURE: "https://sigstore.dev/cosign/sign/v1",
    # https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md
    Kind.SBOM: "https://cyclonedx.org/bom",
    # https://slsa.dev/spec/v1.1/provenance
    Kind.PROVENANCE: "https://slsa.dev/provenance/v1",
    # https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md
    Kind.VERDICT: "https://in-toto.io/attestation/vulns/v0.2",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about an image.

    Attributes:
        kind: What it says.
        image: The image's name, for people; the digest alone identifies the image.
        digest: The image's digest.
        predicate: The JSON object in the format of the kind.
    """

    kind: Kind
    image: str
    digest: Digest
    predicate: Mapping[str, Any]

    @classmethod
    def parse(cls, payload: bytes, kind: Kind, digest: Digest) -> Self:
        """Return the statement of one kind about one image.

        Args:
            payload: The JSON text of the statement.
            kind: The kind that it must be of.
            digest: The digest of the image that it must be about.

        Raises:
            InvalidEvidence: if it is no statement, of another kind, or about another image.
        """
        try:
            fields = json.loads(payload)
            (subject,) = fields["subject"]
            name, found = str(subject.get("name", "")), str(subject["digest"][_ALGORITHM])
            predicate_type, predicate = fields["predicateType"], fields["predicate"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidEvidence(f"the {kind} of {digest} is not an in-toto statement") from error
        if (
            fields.get("_type") != _STATEMENT
            or predicate_type != kind.predicate_type
            or not isinstance(predicate, dict)
        ):
            raise InvalidEvidence(f"the {kind} of {digest} is a statement of another kind: {predicate_type!s:.100}")
        if f"{_ALGORITHM}:{found}" != str(digest):
            raise InvalidEvidence(f"the {kind} of {digest} is about {_ALGORITHM}:{found:.64}")
        return cls(kind, name, digest, predicate)

    def payload(self) -> bytes:
        """Return the JSON text of the statement."""
        algorithm, _, value = str(self.digest).partition(":")
        fields = {
            "_type": _STATEMENT,
            "subject": [{"name": self.image, "digest": {algorithm: value}}],
            "predicateType": self.kind.predicate_type,
            "predicate": self.predicate,
        }
        return json.dumps(fields, separators=(",", ":")).encode()
