"""Claims: refs that reserve a version for the inputs of one release.

A registry cannot create a tag only if it is absent, but git can create a ref only if it is absent. So a run
claims a version by creating a ref in the infrastructure repository before it pushes. The claim's object depends only on
the image's name, the inputs and the committer, so its id can be computed: listing the refs shows which versions were
claimed for the same inputs, without fetching an object.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidDigest
from stage_ci.rules.dockerfile import PLATFORM
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.version import Version, VersionLine

# The label by which a run finds out that an image has other inputs. Anybody can copy it, so it never shows whose image
# it is.
INPUTS_LABEL: Final = "ci.stage.inputs"
_NAMESPACE: Final = "refs/claims"


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of the inputs of an image: the build context, the base images and the platform."""

    digest: Digest

    @classmethod
    def of(cls, files: str, bases: Mapping[str, str]) -> Self:
        """Return the digest of a build context, its base images and the platform of every image.

        Args:
            files: One line for each file of the build context with the digest of its content, mode and path; sorted.
            bases: The resolved reference, with its digest, of each image that the build depends on.
        """
        parts = [
            f"platform {PLATFORM}",
            "files",
            *files.removesuffix("\n").split("\n"),
            "bases",
            *(f"{name} {bases[name]}" for name in sorted(bases)),
        ]
        return cls(Digest(f"sha256:{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()}"))

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> Self | None:
        """Return the inputs in an image's label; None if the label is missing or invalid."""
        try:
            return cls(Digest.parse(labels.get(INPUTS_LABEL, "")))
        except InvalidDigest:
            return None

    def __str__(self) -> str:
        return str(self.digest)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims on versions of one repository: for each version, the ID of the claim's object."""

    by_version: Mapping[Version, str]

    @classmethod
    def read(cls, refs: Mapping[str, str], repository: Repository, line: VersionLine) -> Self:
        """Return the claims on a line's versions among the refs of the infrastructure repository.

        Args:
            refs: The object ID of each ref; refs that are not such a claim are ignored.
            repository: The image's repository.
            line: The version line.
        """
        return cls(versions_behind(claim_prefix(repository), refs, line))

    def claimed_with(self, *claims: str) -> Version | None:
        """Return the highest version that is claimed with an object of one of these IDs; None if there is none."""
        return max((version for version, target in self.by_version.items() if target in claims), default=None)


def claim_ref(repository: Repository, version: Version) -> str:
    """Return the name of the ref that claims ``version`` of ``repository``."""
    return f"{claim_prefix(repository)}{version}"


def claim_text(repository: Repository, inputs: InputDigest) -> str:
    """Return the text of a claim's object; without version or time, so that equal inputs have equal object IDs."""
    return f"claim a version of {repository}\n\ninputs: {inputs}\n"


def claim_prefix(repository: Repository) -> str:
    """Return how the names of all claims on versions of ``repository`` begin."""
    return ref_prefix(_NAMESPACE, repository)


def versions_behind(prefix: str, refs: Mapping[str, str], line: VersionLine) -> dict[Version, str]:
    """Return the object IDs of the refs whose names are ``prefix`` and a version of the line, by that version."""
    names = {name.removeprefix(prefix): target for name, target in refs.items() if name.startswith(prefix)}
    return {version: names[str(version)] for version in line.select(names)}


def ref_prefix(namespace: str, repository: Repository) -> str:
    """Return how the names of the refs of all versions of ``repository`` begin.

    A version follows a lone dash, which is no part of a repository's name. So the versions of owner/svc and those of a
    repository owner/svc/v1.0.1 are in different folders, and no ref stands where another one needs a folder.

    Args:
        namespace: The first parts of the name, such as ``refs/claims``.
        repository: The image's repository.
    """
    # git-check-ref-format(1) forbids colons, brackets and names that end in .lock. Names of repositories have no plus.
    plain = f"{repository.registry}/{repository.path}/".translate(str.maketrans(":[]", "+++"))
    return f"{namespace}/{plain.replace('.lock/', '.lock+/')}-/"
