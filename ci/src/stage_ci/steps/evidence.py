"""Evidence of a release: pushed beside its image, named by its record, and verified by whoever asks."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stage_ci import pins
from stage_ci.adapters import keyless
from stage_ci.adapters.commands import step
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.image import Inputs, tools
from stage_ci.adapters.registry import Registry
from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.evidence import Envelope, Identity, Kind, Statement
from stage_ci.rules.evidence.check import keyless_evidence, read_evidence, verify_evidence
from stage_ci.rules.evidence.predicates import Build, provenance, vulnerabilities
from stage_ci.rules.record import Record
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.referrers import Referrer
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.rules.verdict import Verdict
from stage_ci.rules.version import Version
from stage_ci.steps.signing import Signed, Signer

if TYPE_CHECKING:
    from stage_ci.adapters.signing import PublicKey


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run knows about its image.

    Attributes:
        inputs: What the image is made from.
        revision: The revision of its source; None if it is unknown.
        verdict: The verdict of its scan.
        sbom: Returns the CycloneDX document that was scanned.
        signer: Returns what signs the evidence; None if the run has neither a key nor a token.
        engine: Returns the version of the engine that built the image.
    """

    inputs: Inputs
    revision: Revision | None
    verdict: Verdict
    sbom: Callable[[], Awaitable[str]]
    signer: Callable[[], Awaitable[Signer | None]]
    engine: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a release, as its record names it.

    Attributes:
        digests: The digest of each piece in the registry, by its kind.
        signer: Who signed them, as in a record; empty if they are not signed.
    """

    digests: Mapping[Kind, Digest]
    signer: str = ""


@step("publish")
async def push_evidence(
    facts: Facts, version: Version, digest: Digest, registry: Registry, line: ReleaseLine
) -> Evidence:
    """Push the evidence of an image as referrers of it, signed if the run has a signer.

    Args:
        facts: What the run knows about the image.
        version: The version that the image gets.
        digest: The image's digest.
        registry: The registry, which holds the image.
        line: The image and its version line.

    Raises:
        InvalidInput: if the key cannot be read, or the token has expired or is rejected.
        SigstoreUnavailable: if a server of Sigstore does not answer or fails.
        RegistryError: if the registry denies access or fails.
    """
    engine, sbom, signer, images = await gather(facts.engine(), facts.sbom(), facts.signer(), tools())
    now, versions = datetime.now(UTC), {"dagger": engine}
    inputs = facts.inputs
    build = Build(line, version, inputs.digest, inputs.bases, facts.revision, versions, images, now)
    predicates: dict[Kind, Mapping[str, Any]] = {
        Kind.SBOM: json.loads(sbom),
        Kind.PROVENANCE: provenance(build),
        Kind.VERDICT: vulnerabilities(facts.verdict, pins.TRIVY, now),
    }
    if signer:
        predicates[Kind.SIGNATURE] = {}
    payloads = {
        kind: Statement(kind, str(line.repository), digest, predicate).payload()
        for kind, predicate in predicates.items()
    }
    if signer:
        signed = await signer.sign(payloads)
    else:
        signed = Signed({kind: Envelope(payload).artifact(kind) for kind, payload in payloads.items()})
    pushed = await registry.push_referrers(digest, list(signed.artifacts.values()))
    return Evidence(dict(zip(signed.artifacts, pushed, strict=True)), signed.signer)


async def verified(
    record: Record, registry: Registry, signer: "PublicKey | Identity", trust_config: str
) -> dict[Kind, Statement]:
    """Return all pieces of evidence that a complete record names, whose signatures are valid.

    Args:
        record: The record of the version.
        registry: The registry.
        signer: Who must have signed them.
        trust_config: The trust configuration of a private Sigstore instance; empty for the public one.

    Raises:
        InvalidEvidence: names the piece that is missing, invalid, about another image, or not signed by ``signer``.
        SigstoreUnavailable: if the public instance's trust root cannot be fetched, or the given one is invalid.
        RegistryError: if the registry denies access or fails.
    """
    fetched = await gather_all(_fetch(kind, record, registry) for kind in Kind)
    found = dict(zip(Kind, fetched, strict=True))
    if not isinstance(signer, Identity):
        return {kind: verify_evidence(kind, record, referrer, signer.has_signed) for kind, referrer in found.items()}
    read = {kind: keyless_evidence(kind, record, referrer) for kind, referrer in found.items()}
    name = f"{record.repository}:{record.version}"
    pieces = {f"the {kind} of {name}": (envelope.bundle, envelope.payload) for kind, (envelope, _) in read.items()}
    await keyless.verify(pieces, signer, trust_config)
    return {kind: statement for kind, (_, statement) in read.items()}


async def recorded_sbom(record: Record, registry: Registry) -> str | None:
    """Return the CycloneDX document of a version, which its record names by digest; None if it names none.

    Raises:
        InvalidEvidence: if it is missing, invalid, or about another image.
        RegistryError: if the registry denies access or fails.
    """
    if Kind.SBOM not in record.evidence:
        return None
    _, statement = read_evidence(Kind.SBOM, record, await _fetch(Kind.SBOM, record, registry))
    return json.dumps(statement.predicate)


async def _fetch(kind: Kind, record: Record, registry: Registry) -> Referrer | None:
    try:
        return await registry.referrer(record.evidence[kind])
    except RegistryUnavailable as error:
        raise RegistryUnavailable(f"the {kind} of {record.repository}:{record.version}: {error.cause}") from error
