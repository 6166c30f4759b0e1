"""The evidence of a release: statements, their envelopes, what they say, and the check against the record."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.evidence import (
    ADVISORIES,
    BUILD,
    BUNDLE_TYPE,
    CRITICAL,
    DIGEST,
    FIELDS,
    LINE,
    NOON,
    OTHER,
    PIECES,
    PREDICATES,
    RECORD,
    SBOM,
    SBOM_TYPE,
    SIGNED,
    STATEMENT_TYPE,
    STATEMENTS,
    TIME,
    VERDICT,
    bundle,
    has_signed,
    json_objects,
    json_values,
    pushed,
    signed,
)

from stage_ci.errors import InvalidEvidence
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.evidence import Envelope, Kind, Statement, signing_input
from stage_ci.rules.evidence.check import raise_if_incomplete, read_evidence, verify_evidence
from stage_ci.rules.evidence.predicates import describe, provenance, vulnerabilities
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.image import EMPTY_TYPE, Artifact
from stage_ci.rules.registry.referrers import Referrer


def test_a_statement_is_one_of_in_toto() -> None:
    """A statement has the fields of in-toto, and the predicate type by which other tools look for its kind."""
    assert json.loads(SBOM.payload()) == FIELDS
    assert [json.loads(statement.payload())["predicateType"] for statement in STATEMENTS.values()] == [
        "https://sigstore.dev/cosign/sign/v1",
        "https://cyclonedx.org/bom",
        "https://slsa.dev/provenance/v1",
        "https://in-toto.io/attestation/vulns/v0.2",
    ]


@given(st.sampled_from(Kind), st.text(max_size=9), st.binary(min_size=32, max_size=32), json_objects)
def test_a_statement_is_read_back(kind: Kind, image: str, digest: bytes, predicate: dict[str, Any]) -> None:
    """A statement of any kind about any image is read back from its text."""
    statement = Statement(kind, image, Digest.parse(f"sha256:{digest.hex()}"), predicate)
    assert Statement.parse(statement.payload(), kind, statement.digest) == statement


SUBJECTS: Final = [[], FIELDS["subject"] * 2, ["image"], [{"name": "image", "digest": {"sha512": "d"}}]]
NO_SUBJECTS: Final = [json.dumps(FIELDS | {"subject": each}).encode() for each in SUBJECTS]
NO_STATEMENTS: Final = [b"", b"\xff", b"[]", b"null", b"{}", b"[" * 100_000]


@pytest.mark.fault(49)
@pytest.mark.parametrize("content", [*NO_STATEMENTS, *NO_SUBJECTS])
def test_a_damaged_statement_is_rejected(content: bytes) -> None:
    """A text that is no statement about exactly one image is an error that names the kind and the image."""
    with pytest.raises(InvalidEvidence, match=f"^verify: the sbom of {DIGEST} is not an in-toto statement; nothing"):
        Statement.parse(content, Kind.SBOM, DIGEST)


LONG_TYPE: Final = {"predicateType": "x" * 200}, "x" * 100
OLD_TYPE: Final = {"_type": "https://in-toto.io/Statement/v0.1"}, SBOM_TYPE


@pytest.mark.fault(49)
@pytest.mark.parametrize(("changed", "shown"), [LONG_TYPE, OLD_TYPE, ({"predicate": []}, SBOM_TYPE)])
def test_a_statement_of_another_kind_is_rejected(changed: dict[str, object], shown: str) -> None:
    """A statement of another kind, of another version of in-toto or without an object is an error with its type."""
    with pytest.raises(InvalidEvidence, match=f"sbom of {DIGEST} is a statement of another kind: {shown}; nothing"):
        Statement.parse(json.dumps(FIELDS | changed).encode(), Kind.SBOM, DIGEST)


@given(st.sampled_from(["_type", "subject", "predicateType"]), json_values)
def test_no_changed_statement_is_accepted(key: str, value: object) -> None:
    """A statement is rejected whatever JSON replaces its type, its subject or its predicate type."""
    with pytest.raises(InvalidEvidence):
        Statement.parse(json.dumps(FIELDS | {key: value}).encode(), Kind.SBOM, DIGEST)


def test_the_signing_input_counts_bytes() -> None:
    """The signing input is DSSE's, with the length of the payload in bytes and not in characters."""
    assert signing_input("é".encode()) == b"DSSEv1 28 application/vnd.in-toto+json 2 \xc3\xa9"


def test_a_signed_statement_is_stored_as_a_sigstore_bundle() -> None:
    """A signed statement is an artifact with a Sigstore bundle and the annotations by which cosign finds it."""
    artifact = Envelope(b"{}", b"sig").artifact(Kind.SBOM, "key 1")
    assert json.loads(artifact.layer) == SIGNED
    predicate = {"dev.sigstore.bundle.predicateType": SBOM_TYPE}
    annotations = {"dev.sigstore.bundle.content": "dsse-envelope"} | predicate
    assert artifact == Artifact(EMPTY_TYPE, BUNDLE_TYPE, artifact.layer, annotations=annotations)


def test_an_unsigned_statement_is_stored_as_it_is() -> None:
    """A statement without a signature is an artifact with the statement itself."""
    assert Envelope(SBOM.payload()).artifact(Kind.SBOM) == Artifact(EMPTY_TYPE, STATEMENT_TYPE, SBOM.payload())


@given(st.sampled_from(Kind), st.binary(max_size=50), st.binary(min_size=1, max_size=50), st.text(max_size=9))
def test_a_signed_envelope_is_read_back(kind: Kind, content: bytes, signature: bytes, hint: str) -> None:
    """The exact bytes of a payload and its signature are read back from a bundle of any kind."""
    envelope = Envelope(content, signature)
    assert Envelope.parse(envelope.artifact(kind, hint).layer, "the sbom") == envelope


@pytest.mark.parametrize("material", [{}, None, {"publicKey": {}}])
def test_the_key_hint_of_a_bundle_is_not_read(material: object) -> None:
    """What a bundle says about its key is not read, because it is no part of what is signed."""
    content = json.dumps(SIGNED | {"verificationMaterial": material}).encode()
    assert Envelope.parse(content, "the sbom") == Envelope(b"{}", b"sig")


NO_BUNDLES: Final = [b"", b"\xff", b"1", b"null", b"[" * 100_000, b'"dsseEnvelope"', b'["dsseEnvelope"]']
NO_PAYLOADS: Final = [bundle(payload=each) for each in ("é", "e30", "e3!0=", None)]
NOT_ONE: Final[list[Any]] = [[], None, [{"sig": "c2ln"}, {"sig": "c2ln"}], [{}], ["c2ln"], [{"sig": "?"}]]


@pytest.mark.fault(49)
@pytest.mark.parametrize("content", [*NO_BUNDLES, *NO_PAYLOADS, *(bundle(signatures=each) for each in NOT_ONE)])
def test_a_damaged_bundle_is_rejected(content: bytes) -> None:
    """A text that is no bundle with exactly one signature in base64 is an error that names the evidence."""
    with pytest.raises(InvalidEvidence, match=r"^verify: the sbom is not a Sigstore bundle with one signature;"):
        Envelope.parse(content, "the sbom")


@pytest.mark.parametrize(("other", "shown"), [("x" * 200, "x" * 100), (None, "None")])
def test_a_bundle_of_something_else_is_rejected(other: object, shown: str) -> None:
    """A signed file that is no statement is an error with the beginning of its type."""
    with pytest.raises(InvalidEvidence, match=f"the sbom holds something other than a statement: {shown}; nothing"):
        Envelope.parse(bundle(payloadType=other), "the sbom")


@given(json_values, json_values)
def test_any_json_is_an_envelope_or_rejected(envelope: object, material: object) -> None:
    """A bundle of any JSON is either read or rejected, and raises no other error."""
    with suppress(InvalidEvidence):
        fields = {"dsseEnvelope": envelope, "verificationMaterial": material}
        Envelope.parse(json.dumps(fields).encode(), "the sbom")


def test_a_provenance_says_how_the_image_was_built() -> None:
    """A provenance holds the arguments of the build, its source if known, inputs, base images and builder."""
    definition, details = PREDICATES[Kind.PROVENANCE]["buildDefinition"], PREDICATES[Kind.PROVENANCE]["runDetails"]
    line = {"image": "docker.io/owner/service", "versionLine": "v1.0", "version": "v1.0.7"}
    fixed = {"dockerfile": "Dockerfile", "platform": "linux/amd64"}
    assert definition["externalParameters"] == line | fixed | {"inputs": f"sha256:{'1' * 64}"}
    dependencies = [
        {"name": "source", "digest": {"gitCommit": "a" * 40}},
        {"name": "inputs", "digest": {"sha256": "1" * 64}},
        {"name": "python:3.12", "uri": "oci://docker.io/library/python:3.12", "digest": {"sha256": "b" * 64}},
    ]
    assert definition["resolvedDependencies"] == dependencies
    unknown = provenance(replace(BUILD, revision=None))["buildDefinition"]
    assert unknown["resolvedDependencies"] == dependencies[1:]
    assert (details["builder"]["version"], details["metadata"]) == (BUILD.versions, {"finishedOn": TIME})
    skopeo = "quay.io/skopeo/stable:v1"
    tools = [{"name": skopeo, "uri": f"oci://{skopeo}", "digest": {"sha256": "c" * 64}}]
    assert details["builder"]["builderDependencies"] == tools


def test_a_verdict_lists_what_was_found_and_what_was_suppressed() -> None:
    """A verdict lists each finding with its fix or suppression, and a sample database does not make it `passed`."""
    severity = [[{"method": "trivy", "score": score}] for score in ("HIGH", "CRITICAL")]
    openssl = [{"package": CRITICAL.purl}, {"fixedIn": "3.0.2"}, {"suppressed": "waived by team-a"}]
    result = [
        {"id": "CVE-2026-2", "severity": severity[0], "annotations": [{"package": "zlib"}]},
        {"id": "CVE-2026-1", "severity": severity[1], "annotations": openssl},
    ]
    database, uri = {"lastUpdate": "2026-05-04T00:00:00Z"}, "pkg:docker/aquasec/trivy@0.74.0"
    assert PREDICATES[Kind.VERDICT] == {
        "scanner": {"uri": uri, "version": "0.74.0", "db": database, "result": result},
        "metadata": {"scanStartedOn": TIME, "scanFinishedOn": TIME},
        "ci.stage.verdict": "passed",
        "ci.stage.summary": VERDICT.summary,
    }
    pinned = vulnerabilities(VERDICT, f"aquasec/trivy:0.74.0@sha256:{'f' * 64}", NOON)
    assert pinned == PREDICATES[Kind.VERDICT]
    sample = replace(VERDICT, advisories=replace(ADVISORIES, sample=True))
    assert vulnerabilities(sample, "aquasec/trivy:0.74.0", NOON)["ci.stage.verdict"] == "none"


def test_each_kind_is_described_in_one_line() -> None:
    """Each kind of evidence is described in one line that holds its main facts."""
    assert [describe(kind, PREDICATES[kind]) for kind in Kind] == [
        "of the image's digest",
        "CycloneDX 1.7, 2 components",
        f"SLSA provenance of {TIME}: source, inputs, python:3.12",
        f"passed: {VERDICT.summary}",
    ]


@pytest.mark.fault(49)
def test_a_record_names_every_kind_of_evidence() -> None:
    """A record that lacks a kind of evidence is an error that names each missing kind."""
    raise_if_incomplete(RECORD)
    some = replace(RECORD, evidence={Kind.SIGNATURE: DIGEST, Kind.PROVENANCE: DIGEST})
    with pytest.raises(InvalidEvidence, match=r"/service:v1\.0\.7 names no sbom and no verdict; .* with --signing-key"):
        raise_if_incomplete(some)


@pytest.mark.parametrize("kind", Kind)
def test_evidence_of_a_release_is_valid(kind: Kind) -> None:
    """Evidence of each kind that a release signed is returned as its statement."""
    assert verify_evidence(kind, RECORD, signed(STATEMENTS[kind]), has_signed) == STATEMENTS[kind]


def test_evidence_is_read_without_its_signature() -> None:
    """Evidence that is not signed can be read, because the record names it by its digest."""
    assert read_evidence(Kind.SBOM, RECORD, pushed(SBOM, b"")) == (Envelope(SBOM.payload()), SBOM)


RELEASE: Final = "of docker.io/owner/service:v1.0.7"
OLD: Final = b"signature of " + signing_input(b"{}")
BUILT: Final = STATEMENTS[Kind.PROVENANCE]
FOREIGN: Final = provenance(replace(BUILD, inputs=InputDigest(OTHER)))
ANOTHER: Final = "another version or other inputs than the record"
REUSED: Final = provenance(replace(BUILD, version=LINE.versions.version(6)))


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    ("kind", "found", "error"),
    [
        (Kind.SBOM, None, f"sbom {RELEASE} is missing from the registry: {PIECES[Kind.SBOM]}"),
        (
            Kind.SBOM,
            replace(signed(SBOM), subject=OTHER),
            f"sbom {RELEASE} refers to {OTHER}, but the version is {DIGEST}",
        ),
        (Kind.SBOM, Referrer(DIGEST, b"damaged"), f"sbom {RELEASE} is not a Sigstore bundle with one signature"),
        (Kind.SBOM, signed(SBOM, digest=OTHER), f"sbom of {DIGEST} is about {OTHER}"),
        (Kind.SBOM, signed(BUILT), f"sbom of {DIGEST} is a statement of another kind: https://slsa.dev/provenance/v1"),
        (Kind.SBOM, pushed(SBOM, OLD), f"sbom {RELEASE} is signed by another key, or changed"),
        (Kind.SBOM, pushed(SBOM, b"other key"), f"sbom {RELEASE} is signed by another key, or changed"),
        (Kind.SBOM, pushed(SBOM, b""), f"sbom {RELEASE} is not signed"),
        (Kind.PROVENANCE, signed(BUILT, predicate=REUSED), f"provenance {RELEASE} names {ANOTHER}"),
        (Kind.PROVENANCE, signed(BUILT, predicate=FOREIGN), f"provenance {RELEASE} names {ANOTHER}"),
        (Kind.PROVENANCE, signed(BUILT, predicate={}), f"provenance {RELEASE} names {ANOTHER}"),
    ],
)
def test_invalid_evidence_is_named(kind: Kind, found: Referrer | None, error: str) -> None:
    """Evidence that is missing, changed, about something else or not signed by the key is an error that says which."""
    with pytest.raises(InvalidEvidence) as failed:
        verify_evidence(kind, RECORD, found, has_signed)
    assert failed.value.cause == f"the {error}"
