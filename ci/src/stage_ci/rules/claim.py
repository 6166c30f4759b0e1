"""Who owns a version: claims, and what a run may do with them.

A registry has no conditional write of a tag, so a number is claimed in the infrastructure repository first, by
creating a ref that must not exist yet. The claim's object depends on the inputs of the release and on nothing
else: whoever lists the refs knows which versions were claimed for the same inputs, without fetching anything.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidDigest
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.version import Version, VersionLine, next_version

# The image carries its inputs, so that a tag can be told from one that somebody else pushed.
INPUTS_LABEL: Final = "ci.stage.inputs"
_NAMESPACE: Final = "refs/claims/"


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of all a release is made from: build context and base images."""

    digest: Digest

    @classmethod
    def of(cls, files: str, bases: Mapping[str, str]) -> Self:
        """Return the digest of one set of inputs.

        Args:
            files: One line for each file of the build context: its content's digest, mode and path, sorted.
            bases: Each base image as the Dockerfile names it, and the reference with digest it stands for.
        """
        parts = [
            "files",
            *files.removesuffix("\n").split("\n"),
            "bases",
            *(f"{name} {bases[name]}" for name in sorted(bases)),
        ]
        return cls(Digest(f"sha256:{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()}"))

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> Self | None:
        """Return the inputs an image says it was made from; None if it says nothing usable."""
        try:
            return cls(Digest.parse(labels.get(INPUTS_LABEL, "")))
        except InvalidDigest:
            return None

    def __str__(self) -> str:
        return str(self.digest)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims on one repository's versions: each version, and the object it was claimed with."""

    by_version: Mapping[Version, str]

    @classmethod
    def read(cls, refs: Mapping[str, str], repository: Repository, line: VersionLine) -> Self:
        """Return the claims among the refs of the infrastructure repository; foreign refs are ignored."""
        prefix = _prefix(repository)
        names = {name.removeprefix(prefix): target for name, target in refs.items() if name.startswith(prefix)}
        return cls({version: names[str(version)] for version in line.select(names)})

    def held_with(self, claim: str) -> Version | None:
        """Return the highest version that was claimed with the object ``claim``."""
        return max((version for version, target in self.by_version.items() if target == claim), default=None)


def claim_ref(repository: Repository, version: Version) -> str:
    """Return the name of the ref that claims ``version`` of ``repository``."""
    return f"{_prefix(repository)}{version}"


def claim_text(repository: Repository, inputs: InputDigest) -> str:
    """Return the text of a claim's object: the same for the same inputs, whatever the version and the time."""
    return f"claim a version of {repository}\n\ninputs: {inputs}\n"


def next_free(line: VersionLine, tags: Iterable[str], claims: Claims) -> Version:
    """Return the version a new claim takes: one above all tags and all claims, never one that was used before."""
    return next_version(line, tags, claims.by_version)


def _prefix(repository: Repository) -> str:
    # git-check-ref-format(1) forbids colons, brackets and names that end in .lock; no repository's name holds a plus.
    plain = f"{repository.registry}/{repository.path}/".translate(str.maketrans(":[]", "+++"))
    return _NAMESPACE + plain.replace(".lock/", ".lock+/")
