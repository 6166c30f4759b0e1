"""Whether a run releases or rehearses, decided by what the caller gave."""

from collections.abc import Set as AbstractSet
from typing import Final

from stage_ci.errors import MissingCredential

# The constructor's arguments that reach a real registry or infrastructure repository, and how messages name each.
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


def is_rehearsal(given: AbstractSet[str]) -> bool:
    """Return whether a run is a rehearsal: True if nothing was given, False if enough for a release was.

    A service counts as its side's credentials: a server that only the caller's machine can reach may need none.

    Args:
        given: The names of the arguments that have a value, of those named in this module.

    Raises:
        MissingCredential: if some were given but not enough for a release; names each missing one.
    """
    missing = []
    if REGISTRY_SERVICE not in given or given & {USERNAME, PASSWORD}:
        missing += [name for name in (USERNAME, PASSWORD) if name not in given]
    if INFRA_SERVICE not in given and TOKEN not in given:
        missing.append(TOKEN)
    if given and missing:
        raise MissingCredential(f"missing {' and '.join(LABELS[name] for name in missing)}")
    return not given
