"""The flags of the constructor, which go before the function: their order, invalid values and missing credentials.

`tests/unit/steps/test_request.py` has an invalid value of every flag.
"""

from pathlib import Path

import pytest
from cli import dagger
from environment import CREDENTIAL_VARIABLES, CREDENTIALS, Environment


def test_an_unknown_flag_is_named() -> None:
    """The CLI rejects a flag that does not exist and names it."""
    call = dagger("stage", config=["--registry-servise=tcp://localhost:1"])
    assert call.status != 0
    assert "unknown flag: --registry-servise" in call.stderr


def test_a_constructor_flag_after_the_function_is_rejected() -> None:
    """The CLI rejects a constructor's flag behind the function and names it."""
    call = dagger("stage", "--image=x/y")
    assert call.status != 0
    assert "unknown flag: --image" in call.stderr


@pytest.mark.fault(19)
def test_an_invalid_constructor_value_is_rejected_before_anything_runs(env: Environment, source: Path) -> None:
    """An invalid constructor value fails in one line that names flag and value, before any request is sent."""
    config = [*env.config, "--filename=../x"]
    call = dagger("plan", f"--source={source}", config=config, variables=CREDENTIAL_VARIABLES)
    assert call.status != 0
    assert call.stdout == ""
    assert "Traceback" not in call.stderr
    (line,) = [line for line in call.error.splitlines() if "--filename" in line]
    assert "../x" in line
    assert "not a path inside the infrastructure repository" in line
    assert env.registry_proxy.lines + env.git_proxy.lines == []


def test_some_credentials_are_not_enough(source: Path) -> None:
    """A stage with two of the three credentials fails and names the missing one."""
    call = dagger("stage", f"--source={source}", config=CREDENTIALS[:2], variables=CREDENTIAL_VARIABLES)
    assert call.status != 0
    assert "missing TOKEN (--infra-token)" in call.error


@pytest.mark.fault(35)
def test_empty_credentials_are_rejected(env: Environment, source: Path) -> None:
    """A stage whose credentials come from an empty environment variable fails with one line for each of them."""
    flags = {"--docker-username": "DOCKER_USERNAME", "--docker-password": "DOCKER_PASSWORD", "--infra-token": "TOKEN"}
    config = [f"{flag}=env:EMPTY_OF_TEST" for flag in flags]
    call = env.stage(source, config=config, variables={"EMPTY_OF_TEST": ""})
    assert call.status != 0
    assert call.stdout == ""
    for name in flags.values():
        (line,) = [line for line in call.error.splitlines() if name in line]
        assert f"{name} is empty" in line
    assert len(env.commits()) == 1
    assert env.tags() == {}


@pytest.mark.fault(35)
def test_an_unset_credential_is_rejected(source: Path) -> None:
    """The CLI rejects a credential from an environment variable that is not set, and names the variable."""
    call = dagger("stage", f"--source={source}", config=["--infra-token=env:UNSET_OF_TEST"])
    assert call.status != 0
    assert "UNSET_OF_TEST" in call.stderr
