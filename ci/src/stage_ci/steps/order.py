"""What a caller asks for, parsed once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagger

from stage_ci.rules.reference import Repository
from stage_ci.rules.release import Filename
from stage_ci.rules.trial import Trial
from stage_ci.rules.version import VersionLine


@dataclass(frozen=True, slots=True)
class Line:
    """What is being released: a repository and one line of its versions."""

    repository: Repository
    versions: VersionLine


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest: a branch of the infrastructure repository and a file in it.

    Attributes:
        branch: The branch.
        filename: The file.
        allow_downgrade: Whether it may be moved back to an older version.
    """

    branch: str
    filename: Filename
    allow_downgrade: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be released, and where to.

    Attributes:
        source: The service's source.
        line: The image's repository and the line of its versions.
        infra_repo: The infrastructure repository, ``owner/name`` or a URL.
        place: The manifest in it.
    """

    source: dagger.Directory
    line: Line
    infra_repo: str
    place: Place


@dataclass(frozen=True, slots=True)
class Run(Order):
    """What a stage is asked to do: an order, and what its checks need.

    Attributes:
        environment: Values for the tests' ``.env``, by name.
        databases: Addresses of the vulnerability database; empty for the public one.
        trial: How the started image is tried.
    """

    environment: Mapping[str, dagger.Secret]
    databases: list[str]
    trial: Trial


def line(image: str, version_line: str) -> Line:
    """Return the line of versions in a caller's arguments.

    Raises:
        InvalidInput: if the image or the line of versions cannot be read.
    """
    return Line(Repository.parse(image), VersionLine.parse(version_line))


def place(infra_branch: str, filename: str, *, allow_downgrade: bool) -> Place:
    """Return the manifest in a caller's arguments.

    Raises:
        InvalidFilename: if it names no file inside the infrastructure repository.
    """
    return Place(infra_branch, Filename.parse(filename), allow_downgrade)
