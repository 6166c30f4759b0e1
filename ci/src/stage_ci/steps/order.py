"""What a caller asks for, parsed once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagger

from stage_ci.rules.reference import Repository
from stage_ci.rules.release import Filename
from stage_ci.rules.version import VersionLine


@dataclass(frozen=True, slots=True)
class Line:
    """What is being released: a repository and one line of its versions."""

    repository: Repository
    versions: VersionLine


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest: a branch of the infrastructure repository and a file in it."""

    branch: str
    filename: Filename


@dataclass(frozen=True, slots=True)
class Order:
    """What a stage is asked to do.

    Attributes:
        source: The service's source.
        environment: Values for the tests' ``.env``, by name.
        line: The image's repository and the line of its versions.
        infra_repo: The infrastructure repository, ``owner/name`` or a URL.
        place: The manifest in it.
        databases: Addresses of the vulnerability database; empty for the public one.
        port: The port on which the service listens.
    """

    source: dagger.Directory
    environment: Mapping[str, dagger.Secret]
    line: Line
    infra_repo: str
    place: Place
    databases: list[str]
    port: int


def order(  # noqa: PLR0913 - the edge: each is an argument of the command line
    source: dagger.Directory,
    *,
    image: str,
    version_line: str,
    infra_repo: str,
    infra_branch: str,
    filename: str,
    environment: Mapping[str, dagger.Secret] | None = None,
    databases: list[str] | None = None,
    port: int = 0,
) -> Order:
    """Return the order in a caller's arguments.

    Raises:
        InvalidInput: if one of them cannot be used; names it.
    """
    return Order(
        source=source,
        environment=environment or {},
        line=line(image, version_line),
        infra_repo=infra_repo,
        place=Place(infra_branch, Filename.parse(filename)),
        databases=databases or [],
        port=port,
    )


def line(image: str, version_line: str) -> Line:
    """Return the line of versions in a caller's arguments.

    Raises:
        InvalidInput: if the image or the line of versions cannot be read.
    """
    return Line(Repository.parse(image), VersionLine.parse(version_line))
