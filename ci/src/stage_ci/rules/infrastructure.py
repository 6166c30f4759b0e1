"""Where the infrastructure repository is: a path on a git host."""

import re
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidInput

_GITHUB: Final = "https://github.com"
# Names as GitHub and GitLab allow them; no part begins with a dot, so none leads out of a folder.
_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_SHOWN: Final = 100  # characters of a refused address that an error repeats


@dataclass(frozen=True, slots=True)
class InfrastructureRepository:
    """An infrastructure repository.

    Attributes:
        host: The scheme and host of its server, such as ``https://github.com``.
        path: Its path there, without ``.git``, such as ``owner/name``.
    """

    host: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository in ``text``: ``owner/name`` on GitHub, or an https URL.

        Raises:
            InvalidInput: if it is neither, or holds credentials.
        """
        if "@" in text:
            raise InvalidInput(
                "--infra-repo holds credentials", step="deploy", remedy="pass the token with --infra-token"
            )
        scheme, separator, rest = text.rpartition("://")
        host, _, path = rest.partition("/") if separator else ("", "", rest)
        path = path.removesuffix(".git")
        if (separator and scheme != "https") or not _PATH.fullmatch(path):
            raise InvalidInput(
                f"invalid --infra-repo={text[:_SHOWN]!r}",
                step="deploy",
                remedy="give owner/name on GitHub, or an https URL",
            )
        return cls(f"https://{host}" if separator else _GITHUB, path)
