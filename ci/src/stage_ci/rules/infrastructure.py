"""The address of the infrastructure repository: a host and a path."""

import re
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidInput

_GITHUB: Final = "https://github.com"
# The characters that GitHub and GitLab allow in names. No part begins with a dot, so no path leads out of a folder.
_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_SHOWN: Final = 100  # characters of an invalid address in an error


@dataclass(frozen=True, slots=True)
class InfrastructureRepository:
    """An infrastructure repository.

    Attributes:
        host: The scheme and host of its server, such as ``https://github.com``.
        path: Its path on the server, without ``.git``, such as ``owner/name``.
    """

    host: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository in ``text``: ``owner/name`` on GitHub, or an https URL.

        Raises:
            InvalidInput: if it is neither, or contains credentials.
        """
        if "@" in text:
            raise InvalidInput(
                "--infra-repo contains credentials", step="deploy", remedy="give the token with --infra-token"
            )
        scheme, separator, rest = text.rpartition("://")
        host, _, path = rest.partition("/") if separator else ("", "", rest)
        path = path.removesuffix(".git")
        if (separator and scheme != "https") or not _PATH.fullmatch(path):
            raise InvalidInput(
                f"invalid --infra-repo={text[:_SHOWN]!r}: expected owner/name or an https URL",
                step="deploy",
                remedy="give a repository on GitHub, such as owner/infra, or the URL of another server",
            )
        return cls(f"https://{host}" if separator else _GITHUB, path)
