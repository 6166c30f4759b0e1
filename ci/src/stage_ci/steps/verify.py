"""Verifies the evidence of a version."""

from collections.abc import Mapping

import dagger

from stage_ci.adapters.gather import gather
from stage_ci.adapters.source import Source
from stage_ci.errors import InvalidEvidence
from stage_ci.rules.evidence import Identity, Kind, Statement
from stage_ci.rules.evidence.check import raise_if_incomplete
from stage_ci.rules.evidence.predicates import describe
from stage_ci.rules.record import Record
from stage_ci.rules.release import line_version
from stage_ci.steps.candidate import Candidate
from stage_ci.steps.evidence import verified
from stage_ci.steps.progress import Progress
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ReleaseRequest
from stage_ci.steps.signing import Signing
from stage_ci.steps.version import released_record


async def verify_version(request: ReleaseRequest, image_version: str, source: dagger.Directory | None) -> str:
    """Verify the evidence of a version; return one line for each piece.

    Args:
        request: The service.
        image_version: The version.
        source: The source to build again and compare with the version; None to build none.

    Raises:
        InvalidVersion: if it is not a version of the line, has no record, or is not in the registry.
        SwappedTag: if the registry shows another image than the version's record.
        InvalidEvidence: if a piece is missing, invalid, about another image, or not signed by the expected signer; or
            if the source builds another image.
        SigstoreUnavailable: if what verifies a certificate cannot be fetched.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails, or the record is invalid.
    """
    version = line_version(request.line.versions, image_version)
    async with connect(request, request.selected_servers()) as remotes:
        record = await released_record(version, remotes, request.line)
        text = await verify(record, remotes, request.signing)
    return f"{text}{await rebuild(record, source)}" if source else text


async def rebuild(record: Record, source: dagger.Directory) -> str:
    """Build a source again and return one line that says that the image is the recorded one.

    Raises:
        BuildFailed: if the build fails.
        InvalidEvidence: if the source has other inputs than the record, or builds another image.
    """
    image, archive = await Candidate(Source(source), record.repository, Progress()).parts()
    name = f"{record.repository}:{record.version}"
    if image.inputs.digest != record.inputs:
        commit = record.revision.commit if record.revision else "whose commit is not recorded"
        raise InvalidEvidence(
            f"the source is not that of {name}: its inputs are {image.inputs.digest}, not {record.inputs}",
            remedy=f"give the source of the release, {commit}",
        )
    if archive.digest != record.digest:
        raise InvalidEvidence(
            f"the source of {name} builds another image: {archive.digest}, not {record.digest}",
            remedy="see docs/evidence.md for what makes builds differ",
        )
    return f"    rebuild    equal, byte for byte, from inputs {record.inputs}\n"


async def verify(record: Record, remotes: Remotes, signing: Signing) -> str:
    """Verify the evidence that a record names; return one line for each piece.

    Raises:
        InvalidInput: if the expected key or the trust configuration cannot be read.
        InvalidEvidence: if a piece is missing, invalid, about another image, or not signed by the expected signer.
        SigstoreUnavailable: if what verifies a certificate cannot be fetched.
        RegistryError: if the registry denies access or fails.
    """
    raise_if_incomplete(record)
    signer, trust_config = await gather(signing.expected_signer(record), signing.sigstore())
    statements = await verified(record, remotes.registry, signer, trust_config)
    if isinstance(signer, Identity):
        origin = "that of --certificate-identity" if signing.certificate_identity else "that of its record"
        return _text(record, statements, {"identity": f"{signer.name}, by {signer.issuer}, {origin}"})
    origin = "that of --public-key" if signing.public_key else "that of its record"
    return _text(record, statements, {"key": f"{signer.fingerprint}, {origin}"})


def _text(record: Record, statements: Mapping[Kind, Statement], signer: Mapping[str, str]) -> str:
    rows = {"record": record.ref, **signer, "source": str(record.revision or "not known")}
    rows |= {str(kind): describe(kind, statement.predicate) for kind, statement in statements.items()}
    headline = f"Verified: {record.repository}:{record.version}@{record.digest}"
    return "\n".join([headline, "", *(f"    {name:10} {text}" for name, text in rows.items())]) + "\n"
