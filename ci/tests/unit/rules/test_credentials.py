"""Whether a run releases or rehearses."""

from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest

from stage_ci.errors import MissingCredential
from stage_ci.rules.credentials import Given, is_rehearsal

LOGIN = Given(docker_username=True, docker_password=True)
USERNAME = "DOCKER_USERNAME (--docker-username)"
PASSWORD = "DOCKER_PASSWORD (--docker-password)"  # noqa: S105 - the name of a flag
TOKEN = "TOKEN (--token)"  # noqa: S105 - the name of a flag


def test_with_nothing_given_it_is_a_rehearsal() -> None:
    """No credentials, no services: nothing leaves the machine."""
    assert is_rehearsal(Given())


@pytest.mark.parametrize(
    "given",
    [
        replace(LOGIN, token=True),
        replace(LOGIN, infra_service=True),
        replace(LOGIN, token=True, registry_service=True, infra_service=True),
        Given(registry_service=True, infra_service=True),
        Given(registry_service=True, token=True),
    ],
)
def test_with_both_sides_given_it_is_a_release(given: Given) -> None:
    """A service stands for the credentials of its side."""
    assert not is_rehearsal(given)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (Given(docker_username=True), f"{PASSWORD} and {TOKEN}"),
        (Given(docker_password=True), f"{USERNAME} and {TOKEN}"),
        (Given(token=True), f"{USERNAME} and {PASSWORD}"),
        (LOGIN, TOKEN),
        (Given(docker_username=True, token=True), PASSWORD),
        (Given(docker_password=True, token=True), USERNAME),
        (Given(registry_service=True), TOKEN),
        (Given(infra_service=True), f"{USERNAME} and {PASSWORD}"),
        (Given(registry_service=True, docker_username=True, token=True), PASSWORD),
        (Given(registry_service=True, docker_password=True, infra_service=True), USERNAME),
    ],
)
def test_with_some_but_not_all_given_the_missing_ones_are_named(given: Given, missing: str) -> None:
    """As variables and as flags, and nothing that was given."""
    with pytest.raises(MissingCredential) as refused:
        is_rehearsal(given)
    assert refused.value.cause == f"{missing} missing"


@pytest.mark.parametrize("given", [Given(*bits) for bits in product([False, True], repeat=5) if any(bits)])
def test_nothing_that_was_given_is_read_over(given: Given) -> None:
    """Whatever is given, the run is a release or an error: never a rehearsal by mistake."""
    with suppress(MissingCredential):
        assert not is_rehearsal(given)
