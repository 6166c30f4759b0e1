"""A registry and a git server on the caller's machine, given as services: the same code as a rehearsal's."""

from pathlib import Path

import pytest
from tests.servers.fault_proxy import FaultProxy
from tests.servers.loopback import Reply
from user import IMAGE, MANIFEST, Servers, dagger, tagged
from world import CREDENTIALS, ENVIRONMENT


def test_a_release_goes_to_the_given_servers(servers: Servers, service: Path) -> None:
    """With credentials and the servers as services: tag and commit are where the release says."""
    database = f"--trivy-db=registry:{servers.registry.partition(':')[2]}/aquasec/trivy-db:2"
    refused = dagger("stage", f"--source={service}", *servers.arguments(), "--trivy-db=rehearsal")
    assert refused.status != 0
    assert "not for a release" in refused.error

    # The database lies in the user's own registry, as a mirror of it would.
    dagger("scan", f"--source={service}", "--trivy-db=rehearsal", f"--rehearsal={servers.name}")
    call = dagger(
        "stage",
        f"--source={service}",
        *servers.arguments(),
        *CREDENTIALS,
        database,
        "--format=json",
        environment=ENVIRONMENT,
    )
    release = call.release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "released")
    assert servers.digest("v1.0.1") == release["digest"]
    assert f"{release['commit']}\trefs/heads/main" in servers.git("ls-remote")
    assert f"refs/claims/docker.io/{IMAGE}/v1.0.1" in servers.git("ls-remote")
    assert f"{IMAGE}:v1.0.1" in servers.show(MANIFEST)
    assert "canary" not in call.stdout + call.stderr


@pytest.mark.fault(3, 4)
def test_numbers_are_compared_as_numbers(servers: Servers) -> None:
    """v1.0.9 and v1.0.10 give v1.0.11, whatever else is there."""
    image = "owner/counted"
    tagged(servers.registry, image, "v1.0.9", "v1.0.10", "latest", "v1.0.x", "v1.0.11-rc1", "v2.0.0", "v1.0.012")
    arguments = [f"--image={image}", f"--registry-service=tcp://{servers.registry}"]
    assert dagger("latest-version", *arguments).stdout.strip() == "v1.0.10"
    infra = f"--infra-service=tcp://{servers.infrastructure}"
    assert dagger("next-version", *arguments, infra).stdout.strip() == "v1.0.11"


@pytest.mark.fault(1)
def test_the_highest_of_many_tags_counts(servers: Servers) -> None:
    """250 tags, listed as the registry likes to list them; pages of 100 are a unit test's."""
    image = "owner/many"
    tagged(servers.registry, image, *(f"v1.0.{number}" for number in range(1, 251)))
    call = dagger("latest-version", f"--image={image}", f"--registry-service=tcp://{servers.registry}")
    assert call.stdout.strip() == "v1.0.250"


@pytest.mark.fault(6, 8)
@pytest.mark.parametrize("status", [401, 500])
def test_a_registry_that_refuses_or_fails_is_an_error(status: int) -> None:
    """Never `first version`."""
    with FaultProxy(lambda _: Reply(status)) as broken:
        call = dagger("latest-version", f"--registry-service=tcp://{broken.address}")
    assert call.status != 0
    assert call.stdout == ""
    assert "registry" in call.error
    assert str(status) in call.error


@pytest.mark.fault(8)
def test_a_registry_that_nobody_serves_is_an_error() -> None:
    """An address without a server is told, and is no empty registry."""
    call = dagger("latest-version", "--registry-service=tcp://localhost:1")
    assert call.status != 0
    assert call.stdout == ""
    assert "registry: " in call.error
    assert "check the registry's address" in call.error


def test_some_credentials_are_not_enough(service: Path) -> None:
    """What is missing is named, whatever was given."""
    call = dagger("stage", f"--source={service}", *CREDENTIALS[:2], environment=ENVIRONMENT)
    assert call.status != 0
    assert "TOKEN (--token) missing" in call.error


@pytest.mark.fault(35)
def test_an_empty_credential_is_refused_by_name(service: Path, servers: Servers) -> None:
    """An empty secret is no secret."""
    environment = ENVIRONMENT | {"TOKEN_OF_TEST": ""}
    call = dagger("stage", f"--source={service}", *servers.arguments(), *CREDENTIALS, environment=environment)
    assert call.status != 0
    assert "TOKEN is empty" in call.error


@pytest.mark.fault(35)
def test_an_unset_credential_is_refused_by_name(service: Path) -> None:
    """A variable that is not set is named by the command line itself."""
    call = dagger("stage", f"--source={service}", "--token=env:NO_SUCH_VARIABLE_OF_TEST")
    assert call.status != 0
    assert "NO_SUCH_VARIABLE_OF_TEST" in call.stderr
