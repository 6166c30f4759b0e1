"""Image references, parsed by the grammar of the distribution project.

Grammar: https://github.com/distribution/reference (reference.go, regexp.go, normalize.go).
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidDigest, InvalidReference

DOCKER_HUB: Final = "docker.io"

# The only digest algorithm that the pipeline's own tools write:
# https://github.com/opencontainers/image-spec/blob/main/descriptor.md#sha-256
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# The algorithms that other tools may write: https://github.com/opencontainers/go-digest/blob/master/algorithm.go
_ANY_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
# Identifier, path component, tag and domain: https://github.com/distribution/reference/blob/main/regexp.go
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DOMAIN: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?"
)
# RepositoryNameTotalLengthMax: https://github.com/distribution/reference/blob/main/reference.go
_MAX_PATH: Final = 255


@dataclass(frozen=True, slots=True)
class Digest:
    """A content digest: ``sha256:`` and 64 hexadecimal digits, or another algorithm if it is part of a reference."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the SHA-256 digest in ``text``.

        Raises:
            InvalidDigest: if ``text`` is anything else.
        """
        if not _DIGEST.fullmatch(text):
            raise InvalidDigest(f"invalid digest {text!r}")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of an image: the registry's host, in lower case and without port 443, and the full path."""

    registry: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository with the name ``text``.

        >>> str(Repository.parse("owner/service"))
        'docker.io/owner/service'

        Raises:
            InvalidReference: if ``text`` is not a repository name, or contains a tag or a digest.
        """
        reference = Reference.parse(text)
        if reference.tag or reference.digest:
            raise InvalidReference(f"invalid repository {text!r}: expected a name without tag and digest")
        return cls(reference.repository.registry, reference.repository.path)

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed image reference; ``name`` is the repository's name as written."""

    repository: Repository
    name: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference in ``text``.

        Docker Hub's short forms (``name``, ``library/name``, ``index.docker.io/name``) are expanded as Docker does.

        Raises:
            InvalidReference: if ``text`` does not follow the grammar.
        """
        rest, at, digest = text.partition("@")
        if at and not _ANY_DIGEST.fullmatch(digest):
            raise _error(text, f"invalid digest {digest!r}")
        if _IDENTIFIER.fullmatch(text):  # normalize.go: Docker reads 64 hexadecimal digits as the ID of a local image
            raise _error(text, "64 hexadecimal digits are an image ID, not a name")
        head, slash, last = rest.rpartition("/")
        base, colon, tag = last.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise _error(text, f"invalid tag {tag!r}")
        name = f"{head}{slash}{base}"
        return cls(_repository(name, text), name, tag or None, Digest(digest) if at else None)


def _repository(name: str, text: str) -> Repository:
    first, slash, rest = name.partition("/")
    # normalize.go, splitDockerDomain: the first part is a host only if it looks like one.
    if slash and (first == "localhost" or any(c in first for c in ".:[") or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = DOCKER_HUB, name
    # Hosts are equal in any case (RFC 9110, 4.2.3), and 443 is the port of https. In a name without a dot, the upper
    # case or the port is what makes it a host.
    if "." in registry:
        registry = registry.lower().removesuffix(":443")
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _DOMAIN.fullmatch(registry):
        raise _error(text, f"invalid registry {registry!r}")
    if len(path) > _MAX_PATH:
        raise _error(text, f"the path has more than {_MAX_PATH} characters")
    if not all(map(_COMPONENT.fullmatch, path.split("/"))):
        raise _error(text, "each part of the path must be lowercase letters and digits with separators between them")
    return Repository(registry, path)


def _error(text: str, cause: str) -> InvalidReference:
    return InvalidReference(f"invalid image reference {text!r}: {cause}")
