"""What the tests of evidence share: a release with all pieces of evidence, and a key that signs them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from hypothesis import strategies as st

from stage_ci.rules.advisories import Advisories
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.evidence import Envelope, Kind, Statement, signing_input
from stage_ci.rules.evidence.predicates import Build, provenance, vulnerabilities
from stage_ci.rules.record import Record
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.referrers import Referrer
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.rules.verdict import Finding, Suppressed, Verdict
from stage_ci.rules.waivers import Waivers

LINE: Final = ReleaseLine.parse("owner/service", "v1.0")
DIGEST: Final = Digest.parse(f"sha256:{'d' * 64}")
OTHER: Final = Digest.parse(f"sha256:{'e' * 64}")
INPUTS: Final = InputDigest(Digest.parse(f"sha256:{'1' * 64}"))
PIECES: Final = {kind: Digest.parse(f"sha256:{number:064}") for number, kind in enumerate(Kind)}
VERSION: Final = LINE.versions.version(7)
RECORD: Final = Record(LINE.repository, VERSION, DIGEST, INPUTS, evidence=PIECES)
NOON: Final = datetime(2026, 5, 4, 12, 0, 0, 999, tzinfo=UTC)
TIME: Final = "2026-05-04T12:00:00Z"
BASES: Final = {"python:3.12": f"docker.io/library/python:3.12@sha256:{'b' * 64}"}
TOOLS: Final = {"quay.io/skopeo/stable:v1": f"quay.io/skopeo/stable:v1@sha256:{'c' * 64}"}
BUILD: Final = Build(LINE, VERSION, INPUTS, BASES, Revision("a" * 40, NOON), {"dagger": "v0.19.10"}, TOOLS, NOON)
CRITICAL: Final = Finding("CVE-2026-1", "openssl", "3.0.1", "3.0.2", "CRITICAL", "pkg:deb/debian/openssl@3.0.1")
UNFIXED: Final = Finding("CVE-2026-2", "zlib", "1.3", "", "HIGH")
ADVISORIES: Final = Advisories(date(2026, 5, 4), sample=False)
VERDICT: Final = Verdict(2, (UNFIXED,), (Suppressed(CRITICAL, "waived by team-a"),), ADVISORIES, Waivers())
BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT_TYPE: Final = "application/vnd.in-toto+json"
SBOM_TYPE: Final = "https://cyclonedx.org/bom"
PREDICATES: Final[dict[Kind, dict[str, Any]]] = {
    Kind.SIGNATURE: {},
    Kind.SBOM: {"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [{}, {}]},
    Kind.PROVENANCE: provenance(BUILD),
    Kind.VERDICT: vulnerabilities(VERDICT, "aquasec/trivy:0.74.0", NOON),
}
STATEMENTS: Final = {kind: Statement(kind, "owner/service", DIGEST, PREDICATES[kind]) for kind in Kind}
SBOM: Final = STATEMENTS[Kind.SBOM]
FIELDS: Final[dict[str, Any]] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "owner/service", "digest": {"sha256": "d" * 64}}],
    "predicateType": SBOM_TYPE,
    "predicate": PREDICATES[Kind.SBOM],
}
SIGNED: Final[dict[str, Any]] = {
    "mediaType": BUNDLE_TYPE,
    "verificationMaterial": {"publicKey": {"hint": "key 1"}},
    "dsseEnvelope": {"payload": "e30=", "payloadType": STATEMENT_TYPE, "signatures": [{"sig": "c2ln"}]},
}
KEYS: Final = ["name", "digest", "sha256", "payload", "payloadType", "signatures", "sig", "publicKey", "hint"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(max_size=5) | st.sampled_from(KEYS), json_values, max_size=3)


def bundle(**changed: object) -> bytes:
    """Return a Sigstore bundle with changed fields of its envelope."""
    return json.dumps(SIGNED | {"dsseEnvelope": SIGNED["dsseEnvelope"] | changed}).encode()


def has_signed(message: bytes, signature: bytes) -> bool:
    """Return whether the key of these tests made a signature; the rules do not know how a key signs."""
    return signature == b"signature of " + message


def pushed(statement: Statement, signature: bytes) -> Referrer:
    """Return a statement and its signature as a referrer of the image."""
    return Referrer(DIGEST, Envelope(statement.payload(), signature).artifact(statement.kind).layer)


def signed(statement: Statement, **changed: Any) -> Referrer:  # noqa: ANN401 - the fields of a statement
    """Return a statement with changed fields, and with the signature of the key over them, as a referrer."""
    other = replace(statement, **changed)
    return pushed(other, b"signature of " + signing_input(other.payload()))
