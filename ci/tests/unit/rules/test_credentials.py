"""Whether a run releases or rehearses."""

from contextlib import suppress
from itertools import combinations

import pytest

from stage_ci.errors import MissingCredential
from stage_ci.rules.credentials import INFRA_SERVICE, PASSWORD, REGISTRY_SERVICE, TOKEN, USERNAME, is_rehearsal

LOGIN = {USERNAME, PASSWORD}
ALL = (USERNAME, PASSWORD, TOKEN, REGISTRY_SERVICE, INFRA_SERVICE)
DOCKER_USERNAME = "DOCKER_USERNAME (--docker-username)"
DOCKER_PASSWORD = "DOCKER_PASSWORD (--docker-password)"  # noqa: S105 - the name of a flag
INFRA_TOKEN = "TOKEN (--infra-token)"  # noqa: S105 - the name of a flag


def test_a_run_without_credentials_is_a_rehearsal() -> None:
    """A run that is given no credential and no service is a rehearsal."""
    assert is_rehearsal(set())


@pytest.mark.parametrize(
    "given",
    [
        LOGIN | {TOKEN},
        LOGIN | {INFRA_SERVICE},
        LOGIN | {TOKEN, REGISTRY_SERVICE, INFRA_SERVICE},
        {REGISTRY_SERVICE, INFRA_SERVICE},
        {REGISTRY_SERVICE, TOKEN},
    ],
)
def test_a_run_with_both_sides_given_is_a_release(given: set[str]) -> None:
    """A service counts as the credentials of its side."""
    assert not is_rehearsal(given)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({USERNAME}, f"{DOCKER_PASSWORD} and {INFRA_TOKEN}"),
        ({PASSWORD}, f"{DOCKER_USERNAME} and {INFRA_TOKEN}"),
        ({TOKEN}, f"{DOCKER_USERNAME} and {DOCKER_PASSWORD}"),
        (LOGIN, INFRA_TOKEN),
        ({USERNAME, TOKEN}, DOCKER_PASSWORD),
        ({PASSWORD, TOKEN}, DOCKER_USERNAME),
        ({REGISTRY_SERVICE}, INFRA_TOKEN),
        ({INFRA_SERVICE}, f"{DOCKER_USERNAME} and {DOCKER_PASSWORD}"),
        ({REGISTRY_SERVICE, USERNAME, TOKEN}, DOCKER_PASSWORD),
        ({REGISTRY_SERVICE, PASSWORD, INFRA_SERVICE}, DOCKER_USERNAME),
    ],
)
def test_missing_credentials_are_named(given: set[str], missing: str) -> None:
    """If some credentials are given, the error names each missing one by its variable and its flag."""
    with pytest.raises(MissingCredential) as refused:
        is_rehearsal(given)
    assert refused.value.cause == f"missing {missing}"


@pytest.mark.parametrize("given", [given for size in range(1, len(ALL) + 1) for given in combinations(ALL, size)])
def test_no_credential_is_ignored(given: tuple[str, ...]) -> None:
    """A run that is given anything is a release or fails; it never becomes a rehearsal."""
    with suppress(MissingCredential):
        assert not is_rehearsal(set(given))
