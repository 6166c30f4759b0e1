"""Reads credentials, and decides from the given ones whether a run is a release or a rehearsal."""

from collections.abc import Set as AbstractSet
from typing import Final

from stage_ci.errors import MissingCredential

# The constructor's arguments for the registry and the infrastructure repository, and their names in errors.
USERNAME: Final = "docker_username"
PASSWORD: Final = "docker_password"  # noqa: S105 - the name of an argument
TOKEN: Final = "infra_token"  # noqa: S105 - the name of an argument
REGISTRY_SERVICE: Final = "registry_service"
INFRA_SERVICE: Final = "infra_service"
LABELS: Final = {
    USERNAME: "DOCKER_USERNAME (--docker-username)",
    PASSWORD: "DOCKER_PASSWORD (--docker-password)",
    TOKEN: "TOKEN (--infra-token)",
}


def without_line_break(secret: str) -> str:
    r"""Return a credential without the line breaks at its end, which a file and `echo` add to it.

    Every credential is read by this rule, as `docker login --password-stdin` reads a password, so that the same file
    is right for all of them. Where a program in a container reads the secret itself, that program does the same.

    >>> without_line_break("canary\r\n")
    'canary'
    """
    return secret.rstrip("\r\n")


def is_rehearsal(given: AbstractSet[str]) -> bool:
    """Return whether a run is a rehearsal: True if nothing was given, False if all that a release needs was given.

    A service replaces the credentials of its remote, because a server of the caller's machine may need none.

    Args:
        given: The names of the given arguments among those of this module.

    Raises:
        MissingCredential: if something was given, but not all that a release needs; names each missing one.
    """
    missing = []
    if REGISTRY_SERVICE not in given or given & {USERNAME, PASSWORD}:
        missing += [name for name in (USERNAME, PASSWORD) if name not in given]
    if INFRA_SERVICE not in given and TOKEN not in given:
        missing.append(TOKEN)
    if given and missing:
        raise MissingCredential(f"missing {' and '.join(LABELS[name] for name in missing)}")
    return not given
