"""A registry and a git server on the caller's machine, given as services instead of the real ones."""

from pathlib import Path

import pytest
from cli import FILENAME, IMAGE, dagger
from environment import CREDENTIAL_VARIABLES, CREDENTIALS, Servers
from real_registry import database_flag, push_database, push_tags


def test_a_release_goes_to_the_given_servers(servers: Servers, source: Path) -> None:
    """A stage with services and credentials pushes to these servers, and only with a real vulnerability database."""
    rejected = dagger("stage", f"--source={source}", config=[*servers.config, "--trivy-db=rehearsal"])
    assert rejected.status != 0
    assert "not for a release" in rejected.error

    push_database(servers.registry)
    config = [*servers.config, *CREDENTIALS, database_flag(servers.registry)]
    flags = (f"--source={source}", "--format=json")
    call = dagger("stage", *flags, config=config, variables=CREDENTIAL_VARIABLES)
    release = call.release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "released")
    assert servers.digest("v1.0.1") == release["digest"]
    assert f"{release['commit']}\trefs/heads/main" in servers.refs()
    for namespace in ("claims", "records"):
        assert f"refs/{namespace}/docker.io/{IMAGE}/-/v1.0.1" in servers.refs()
    assert f"{IMAGE}:v1.0.1" in servers.read_file(FILENAME)
    assert "canary" not in call.stdout + call.stderr


@pytest.mark.slow
@pytest.mark.fault(3, 4)
def test_versions_are_compared_as_numbers(servers: Servers) -> None:
    """v1.0.10 is later than v1.0.9, and tags that are not versions of the line do not count."""
    image = "owner/counted"
    push_tags(servers.registry, image, "v1.0.9", "v1.0.10", "latest", "v1.0.x", "v1.0.11-rc1", "v2.0.0", "v1.0.012")
    config = [f"--image={image}", *servers.config]
    assert dagger("latest-version", config=config).stdout.strip() == "v1.0.10"
    assert dagger("next-version", config=config).stdout.strip() == "v1.0.11"


@pytest.mark.slow
@pytest.mark.fault(1)
def test_the_highest_of_250_tags_is_found(servers: Servers) -> None:
    """`latest-version` finds the highest of 250 tags in the listing of an unmodified registry."""
    image = "owner/many"
    push_tags(servers.registry, image, *(f"v1.0.{number}" for number in range(1, 251)))
    config = [f"--image={image}", *servers.config]
    assert dagger("latest-version", config=config).stdout.strip() == "v1.0.250"


@pytest.mark.fault(8)
def test_an_address_without_a_server_is_an_error() -> None:
    """`latest-version` fails if nothing listens on the registry's address, and never takes it for an empty one."""
    call = dagger("latest-version", config=["--registry-service=tcp://localhost:1"])
    assert call.status != 0
    assert call.stdout == ""
    assert "registry: " in call.error
    assert "check the registry's address" in call.error
