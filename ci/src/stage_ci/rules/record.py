"""Records: refs that say which image a version is.

Anybody who may push to the registry can point a tag at another image and copy its labels. So a run that has pushed and
verified a version creates a ref in the infrastructure repository, only if it is absent, whose object names the digest.
From then on this record, and not the registry, says what the version is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from stage_ci.errors import InvalidInput, InvalidRecord, SwappedTag
from stage_ci.rules.claim import InputDigest, ref_prefix, versions_behind
from stage_ci.rules.evidence import Kind
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.revision import Revision
from stage_ci.rules.version import Version, VersionLine

_NAMESPACE: Final = "refs/records"
_EVIDENCE: Final = "Evidence"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a version.

    Attributes:
        repository: The image's repository.
        version: The version.
        digest: The digest of the image that was published under it.
        inputs: The digest of the inputs of that image.
        revision: The revision of the source that it was built from; None if it is unknown.
        evidence: The digest of each piece of evidence in the registry, by its kind.
        signer: The public key that signed the evidence, as DER in base64, or the identity that signed it, as its name
            and its issuer; empty if it is not signed.
    """

    repository: Repository
    version: Version
    digest: Digest
    inputs: InputDigest
    revision: Revision | None = None
    evidence: Mapping[Kind, Digest] = field(default_factory=dict)
    signer: str = ""

    @classmethod
    def parse(cls, text: str, repository: Repository, version: Version) -> Self:
        """Return the record of ``version`` that ``text`` holds; lines with other keys are ignored.

        Raises:
            InvalidRecord: if it names another image or version, lacks a valid digest, or has an invalid revision or
                invalid evidence.
        """
        split = (line.partition(": ") for line in text.splitlines())
        pairs = [(key, value) for key, separator, value in split if separator]
        fields = dict(pairs)
        expected = {"Image": str(repository), "Version": str(version)}
        for key, value in expected.items():
            if fields.get(key) != value:
                raise InvalidRecord(f"the record of {repository}:{version} has {key} {fields.get(key, '')[:100]!r}")
        try:
            digests = [Digest.parse(fields.get(key, "")) for key in ("Digest", "Inputs")]
            revision = Revision.parse(fields.get("Revision", ""))
            evidence = _evidence(value.partition(" ") for key, value in pairs if key == _EVIDENCE)
        except InvalidInput as error:
            raise InvalidRecord(f"the record of {repository}:{version} has an {error.cause[:100]}") from error
        signer = fields.get("Signer", "")
        return cls(repository, version, digests[0], InputDigest(digests[1]), revision, evidence, signer)

    @property
    def ref(self) -> str:
        """Return the name of the record's ref."""
        return record_ref(self.repository, self.version)

    def text(self) -> str:
        """Return the text of the record's object, with a trailer for each attribute (git-interpret-trailers(1))."""
        revision = f"Revision: {self.revision}\n" if self.revision else ""
        evidence = "".join(f"{_EVIDENCE}: {kind} {digest}\n" for kind, digest in self.evidence.items())
        signer = f"Signer: {self.signer}\n" if self.signer else ""
        return (
            f"record {self.repository}:{self.version}\n\n"
            f"Image: {self.repository}\nVersion: {self.version}\n"
            f"Digest: {self.digest}\nInputs: {self.inputs}\n{revision}{evidence}{signer}"
        )


def record_ref(repository: Repository, version: Version) -> str:
    """Return the name of the ref that records ``version`` of ``repository``."""
    return f"{record_prefix(repository)}{version}"


def record_prefix(repository: Repository) -> str:
    """Return how the names of the records of all versions of ``repository`` begin."""
    return ref_prefix(_NAMESPACE, repository)


def recorded_versions(refs: Mapping[str, str], repository: Repository, line: VersionLine) -> frozenset[Version]:
    """Return the versions of a line that have a record among the refs of the infrastructure repository."""
    return frozenset(versions_behind(record_prefix(repository), refs, line))


def raise_if_swapped(record: Record, found: Digest | None) -> None:
    """Raise if the registry shows another image for a version than its record.

    Args:
        record: The version's record.
        found: The digest in the registry; None if the registry does not have the version.

    Raises:
        SwappedTag: if the digests differ.
    """
    if found not in (None, record.digest):
        raise SwappedTag(f"{record.repository}:{record.version} is {found} but was released as {record.digest}")


def _evidence(entries: Iterable[tuple[str, str, str]]) -> dict[Kind, Digest]:
    return {Kind(kind): Digest.parse(digest) for kind, _, digest in entries if kind in set(Kind)}
