"""Checks a piece of evidence against the record that names it."""

from collections.abc import Callable

from stage_ci.errors import InvalidEvidence
from stage_ci.rules.evidence.envelope import Envelope, signing_input
from stage_ci.rules.evidence.predicates import built_for
from stage_ci.rules.evidence.statement import Kind, Statement
from stage_ci.rules.record import Record
from stage_ci.rules.registry.referrers import Referrer


def raise_if_incomplete(record: Record) -> None:
    """Raise if the record of a version lacks a kind of evidence.

    Raises:
        InvalidEvidence: names each missing kind.
    """
    missing = [kind for kind in Kind if kind not in record.evidence]
    if missing:
        raise InvalidEvidence(
            f"the record of {record.repository}:{record.version} names no {' and no '.join(missing)}",
            remedy="nothing was deployed; release with --signing-key or --identity-token, which sign the evidence",
        )


def read_evidence(kind: Kind, record: Record, referrer: Referrer | None) -> tuple[Envelope, Statement]:
    """Return the evidence of one kind that a record names, without checking its signature.

    Args:
        kind: The kind.
        record: The record of the version.
        referrer: What the registry holds under the digest that the record names; None if nothing.

    Raises:
        InvalidEvidence: if it is missing, no evidence, of another kind or about another image.
    """
    what = f"the {kind} of {record.repository}:{record.version}"
    if referrer is None:
        raise InvalidEvidence(f"{what} is missing from the registry: {record.evidence[kind]}")
    if referrer.subject != record.digest:
        raise InvalidEvidence(f"{what} refers to {referrer.subject}, but the version is {record.digest}")
    envelope = Envelope.parse(referrer.content, what)
    statement = Statement.parse(envelope.payload, kind, record.digest)
    if kind is Kind.PROVENANCE and built_for(statement.predicate) != (str(record.version), str(record.inputs)):
        raise InvalidEvidence(f"{what} names another version or other inputs than the record")
    return envelope, statement


def verify_evidence(
    kind: Kind, record: Record, referrer: Referrer | None, has_signed: Callable[[bytes, bytes], bool]
) -> Statement:
    """Return the evidence of one kind, whose signature is valid.

    Args:
        kind: The kind.
        record: The record of the version.
        referrer: What the registry holds under the digest that the record names; None if nothing.
        has_signed: Returns whether the key has signed a message, given the message and the signature.

    Raises:
        InvalidEvidence: if it is missing, invalid, about another image, not signed, or signed by another key.
    """
    envelope, statement = read_evidence(kind, record, referrer)
    if not has_signed(signing_input(envelope.payload), envelope.signature):
        how = "signed by another key, or changed" if envelope.signature else "not signed"
        how = "signed with a certificate, not with a key" if envelope.bundle else how
        raise InvalidEvidence(f"the {kind} of {record.repository}:{record.version} is {how}")
    return statement


def keyless_evidence(kind: Kind, record: Record, referrer: Referrer | None) -> tuple[Envelope, Statement]:
    """Return the evidence of one kind, which is signed with a certificate; the certificate is not checked.

    Args:
        kind: The kind.
        record: The record of the version.
        referrer: What the registry holds under the digest that the record names; None if nothing.

    Raises:
        InvalidEvidence: if it is missing, invalid, about another image, not signed, or signed with a key.
    """
    envelope, statement = read_evidence(kind, record, referrer)
    if not envelope.bundle:
        how = "signed with a key, not with a certificate" if envelope.signature else "not signed"
        raise InvalidEvidence(f"the {kind} of {record.repository}:{record.version} is {how}")
    return envelope, statement
