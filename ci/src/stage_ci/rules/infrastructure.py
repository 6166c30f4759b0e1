"""The infrastructure repository: its address, the user beside the token, and the committer."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from stage_ci.errors import InvalidInput
from stage_ci.rules.credentials import spellings

_GITHUB: Final = "https://github.com"
# GitHub's names; an owner has no dot, so the host of a URL without https:// is not taken for one.
_OWNER_AND_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
# RFC 3986, 3.3: what a path may hold unencoded, and the percent sign of what is encoded already.
_PATH_CHARACTERS: Final = "/%!$&'()*+,;=:~"
_SHOWN: Final = 100  # characters of an invalid value in an error
# git-clone(1), "GIT URLS": ssh:// and [<user>@]<host>:/<path>; pip and npm write git+ssh://.
_SSH: Final = re.compile(r"(?:git\+)?ssh(?:\+git)?://|git@|[^@:/\s]+@[^@:/\s]+:(?!\d+/)", re.IGNORECASE)

# RFC 7617, 2: a user name has no colon; HTTP headers hold ASCII safely.
_USER: Final = re.compile(r"[!-9;-~]*")
# git-commit(1), "Commit information": no name or address has these characters.
_COMMITTER: Final = re.compile(
    r"(?P<name>[^<>\x00-\x1f\x7f]*[^<>\s\x00-\x1f\x7f]) <(?P<address>[^<>\s\x00-\x1f\x7f]+)>"
)


@dataclass(frozen=True, slots=True)
class InfrastructureRepository:
    """An infrastructure repository.

    Attributes:
        host: The scheme and host of its server, such as ``https://github.com``.
        path: Its path on the server, percent-encoded, such as ``/owner/name.git``.
    """

    host: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository in ``text``: ``owner/name`` on GitHub, or an https URL, which is used as it stands.

        Blanks and other characters that no URL holds are percent-encoded, in a host as by DNS (IDNA), and a slash at
        the end is left out.

        Raises:
            InvalidInput: if it is neither, or contains credentials.
        """
        address = text.strip()
        if _SSH.match(address):
            raise InvalidInput(
                "--infra-repo is an SSH address",
                step="deploy",
                remedy="give the https URL of the repository, or owner/name on GitHub",
            )
        if "@" in address:
            raise InvalidInput(
                "--infra-repo contains credentials",
                step="deploy",
                remedy="leave out what precedes the @: give the token with --infra-token, a user with --infra-user",
            )
        if address.lower().startswith("http://"):
            raise InvalidInput(
                "--infra-repo is a plain http URL, to which no token is sent",
                step="deploy",
                remedy="give its https URL, or a server of your own network with --infra-service=tcp://HOST:PORT",
            )
        repository = cls._parse_url(address) if "://" in address else cls._parse_name(address)
        if not repository:
            raise InvalidInput(
                f"invalid --infra-repo={text[:_SHOWN]!r}: expected owner/name or an https URL",
                step="deploy",
                remedy="give a repository on GitHub, such as owner/infra, or the URL of another server",
            )
        return repository

    @classmethod
    def _parse_name(cls, text: str) -> Self | None:
        name = text.removesuffix("/").removesuffix(".git")
        return cls(_GITHUB, f"/{name}.git") if _OWNER_AND_NAME.fullmatch(name) else None

    @classmethod
    def _parse_url(cls, text: str) -> Self | None:
        try:
            parts = urlsplit(text)
            _ = parts.port  # raises if it is not a number up to 65535
            parts = parts._replace(netloc=parts.netloc.encode("idna").decode())
        except ValueError:
            return None
        if parts.query or parts.fragment:
            raise InvalidInput(
                "--infra-repo has a query or a fragment", step="deploy", remedy="give the URL that `git clone` takes"
            )
        path = parts.path.rstrip("/")
        if not text.isprintable() or "\\" in text or not _is_https(parts) or not _is_path(path):
            return None
        return cls(f"https://{parts.netloc}", quote(path, safe=_PATH_CHARACTERS))

    @property
    def url(self) -> str:
        """The URL of the repository."""
        return f"{self.host}{self.path}"

    @property
    def name(self) -> str:
        """The path without ``.git``, in letters, digits, dots, dashes and underscores: its name in a rehearsal."""
        plain = re.sub(r"[^A-Za-z0-9._/-]", "-", unquote(self.path)).strip("/")
        return plain.removesuffix(".git").removesuffix("/")


@dataclass(frozen=True, slots=True)
class Committer:
    """The author and committer of every commit of the pipeline, who need not be the user of the token."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the committer in ``text``, such as ``stage-ci <ci@example.com>``.

        Raises:
            InvalidInput: if it is no name with an address in angle brackets.
        """
        found = _COMMITTER.fullmatch(text.strip())
        if not found:
            raise InvalidInput(
                f"invalid --infra-committer={text[:_SHOWN]!r}: expected NAME <ADDRESS>",
                step="deploy",
                remedy="give a name and an address, such as 'Release bot <bot@example.com>'",
            )
        return cls(found["name"], found["address"])

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


# GitHub accepts any user name beside a token and documents this one for apps:
# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
DEFAULT_USER: Final = "x-access-token"
DEFAULT_COMMITTER: Final = Committer("stage-ci", "stage-ci@users.noreply.github.com")


@dataclass(frozen=True, slots=True)
class GitIdentity:
    """As whom the pipeline reads and writes the infrastructure repository.

    Attributes:
        user: The user name beside the token, which some servers require: ``oauth2``, ``x-token-auth``.
        committer: The author and committer of every commit.
    """

    user: str = DEFAULT_USER
    committer: Committer = DEFAULT_COMMITTER

    @classmethod
    def parse(cls, user: str, committer: str) -> Self:
        """Return the identity that the arguments of the module's constructor describe.

        Raises:
            InvalidInput: if the user has a colon, blanks or other than ASCII characters, or the committer is invalid.
        """
        if not _USER.fullmatch(user.strip()):
            raise InvalidInput(
                "invalid --infra-user: expected ASCII characters without a colon or blanks",
                step="deploy",
                remedy="give the user name that the server expects beside a token, such as oauth2",
            )
        return cls(user.strip(), Committer.parse(committer))

    def secrets(self, token: str | None) -> list[str]:
        """Return the forms in which a message could repeat ``token``, the longest first; none without a token."""
        return spellings(token, f"{self.user}:{token}") if token else []


DEFAULT_IDENTITY: Final = GitIdentity()


def _is_https(parts: SplitResult) -> bool:
    return parts.scheme == "https" and bool(_HOST.fullmatch(parts.netloc))


def _is_path(path: str) -> bool:
    """Return whether a path has a name, and no part that is empty or leads out of a folder."""
    names = unquote(path).split("/")[1:]
    return bool(names) and names != [".git"] and not {"", ".", ".."} & set(names)
