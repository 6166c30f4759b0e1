"""Whether a run releases or rehearses, decided by what was given."""

from dataclasses import dataclass

from stage_ci.errors import MissingCredential


@dataclass(frozen=True, slots=True)
class Given:
    """Which of the ways to the outside were given."""

    docker_username: bool = False
    docker_password: bool = False
    token: bool = False
    registry_service: bool = False
    infra_service: bool = False


def is_rehearsal(given: Given) -> bool:
    """Return True if nothing was given: the embedded registry and infrastructure repository serve.

    A service stands for its side's credentials, since a server that only the caller sees may well need none.

    Raises:
        MissingCredential: if some were given but not enough for a release; names each missing one.
    """
    missing = []
    needs_login = not given.registry_service or given.docker_username or given.docker_password
    if needs_login and not given.docker_username:
        missing.append("DOCKER_USERNAME (--docker-username)")
    if needs_login and not given.docker_password:
        missing.append("DOCKER_PASSWORD (--docker-password)")
    if not given.infra_service and not given.token:
        missing.append("TOKEN (--token)")
    if given == Given():
        return True
    if missing:
        raise MissingCredential(f"{' and '.join(missing)} missing")
    return False
