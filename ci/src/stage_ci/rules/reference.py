"""Image references, as the distribution project writes them.

Grammar: https://github.com/distribution/reference (reference.go, regexp.go, normalize.go).
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidDigest, InvalidReference

DOCKER_HUB: Final = "docker.io"

# OCI image-spec, descriptor.md: only sha256 is written by the tools the pipeline uses.
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# opencontainers/go-digest, algorithm.go: what others may have pinned an image with.
_PINNED: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
# distribution/reference, regexp.go: identifier, path-component, tag, domain.
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DOMAIN: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?"
)
_MAX_PATH: Final = 255  # distribution/reference, reference.go: RepositoryNameTotalLengthMax


@dataclass(frozen=True, slots=True)
class Digest:
    """A content digest: ``sha256:`` and 64 hexadecimal digits, unless it comes from a reference that holds another."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest written in ``text``.

        Raises:
            InvalidDigest: if ``text`` is anything else.
        """
        if not _DIGEST.fullmatch(text):
            raise InvalidDigest(f"{text!r} is no digest")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Repository:
    """Where images of one name lie: a registry's host and a path, both in full."""

    registry: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository named by ``text``, which holds neither tag nor digest.

        >>> str(Repository.parse("owner/service"))
        'docker.io/owner/service'

        Raises:
            InvalidReference: if ``text`` is no repository name, or holds a tag or a digest.
        """
        reference = Reference.parse(text)
        if reference.tag or reference.digest:
            raise InvalidReference(f"{text!r} holds a tag or a digest where only a name belongs")
        return cls(reference.repository.registry, reference.repository.path)

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed image reference; ``name`` keeps the writer's own spelling of the repository."""

    repository: Repository
    name: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference written in ``text``.

        Short forms of Docker Hub (``name``, ``library/name``, ``index.docker.io/name``) mean what Docker makes of them.

        Raises:
            InvalidReference: if ``text`` does not follow the grammar.
        """
        rest, at, digest = text.partition("@")
        if at and not _PINNED.fullmatch(digest):
            raise InvalidReference(f"{text!r} has no valid digest after @")
        if _IDENTIFIER.fullmatch(text):  # normalize.go: Docker would read it as the ID of a local image
            raise InvalidReference(f"{text!r} is an image's identifier, not its name")
        head, slash, last = rest.rpartition("/")
        base, colon, tag = last.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise InvalidReference(f"{text!r} has no valid tag after :")
        name = f"{head}{slash}{base}"
        return cls(_repository(name, text), name, tag or None, Digest(digest) if at else None)


def _repository(name: str, text: str) -> Repository:
    first, slash, rest = name.partition("/")
    # normalize.go, splitDockerDomain: the first part is a host only if it looks like one.
    if slash and (first == "localhost" or any(c in first for c in ".:[") or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = DOCKER_HUB, name
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _DOMAIN.fullmatch(registry) or len(path) > _MAX_PATH or not all(map(_COMPONENT.fullmatch, path.split("/"))):
        raise InvalidReference(f"{text!r} is no image reference")
    return Repository(registry, path)
