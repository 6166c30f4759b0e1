"""What a caller asks for, parsed once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import dagger

from stage_ci.rules.reference import Repository
from stage_ci.rules.release import Filename
from stage_ci.rules.smoke import SmokeTest
from stage_ci.rules.version import VersionLine


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """What is being released: a repository and one line of its versions."""

    repository: Repository
    versions: VersionLine

    @classmethod
    def parse(cls, image: str, version_line: str) -> Self:
        """Return the release line in a caller's arguments.

        Raises:
            InvalidInput: if the image or the version line cannot be parsed.
        """
        return cls(Repository.parse(image), VersionLine.parse(version_line))


@dataclass(frozen=True, slots=True)
class ManifestLocation:
    """A manifest: a branch of the infrastructure repository and a file in it.

    Attributes:
        branch: The branch.
        filename: The file.
        allow_downgrade: Whether it may be moved back to an older version.
    """

    branch: str
    filename: Filename
    allow_downgrade: bool = False

    @classmethod
    def parse(cls, branch: str, filename: str, *, allow_downgrade: bool) -> Self:
        """Return the manifest in a caller's arguments.

        Raises:
            InvalidFilename: if it names no file inside the infrastructure repository.
        """
        return cls(branch, Filename.parse(filename), allow_downgrade)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What is to be released, and where to.

    Attributes:
        source: The service's source.
        line: The image's repository and the line of its versions.
        infra_repo: The infrastructure repository, ``owner/name`` or a URL.
        place: The manifest in it.
    """

    source: dagger.Directory
    line: ReleaseLine
    infra_repo: str
    place: ManifestLocation


@dataclass(frozen=True, slots=True)
class StageRequest(ReleaseRequest):
    """What a stage is asked to do: an order, and what its checks need.

    Attributes:
        environment: Values for the tests' ``.env``, by name.
        databases: Addresses of the vulnerability database; empty for the public one.
        trial: How the started image is tried.
    """

    environment: Mapping[str, dagger.Secret]
    databases: list[str]
    trial: SmokeTest
