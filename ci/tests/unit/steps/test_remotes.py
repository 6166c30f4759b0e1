"""Where the registry and the infrastructure repository of a run are, as far as it is told without an engine."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.steps.remotes import Access, host_of, repository_path


@pytest.mark.parametrize(
    ("given", "host", "path"),
    [
        ("owner/infra", "https://github.com", "owner/infra"),
        ("owner/infra.git", "https://github.com", "owner/infra"),
        ("https://other.example/owner/infra", "https://other.example", "owner/infra"),
        ("https://git.example:8443/group/sub/infra.git", "https://git.example:8443", "group/sub/infra"),
    ],
)
def test_a_name_is_looked_for_at_github_and_an_address_at_its_host(given: str, host: str, path: str) -> None:
    """With or without the ending of a bare repository; a rehearsal takes the path only, and so stays on the machine."""
    assert (host_of(given), repository_path(given)) == (host, path)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "given", ["https://canary-51c7@git.example/owner/infra", "https://robot:canary-51c7@git.example/a"]
)
def test_an_address_with_credentials_is_refused_without_repeating_them(given: str) -> None:
    """Addresses end up in messages, tokens do not."""
    with pytest.raises(InvalidInput, match="--infra-repo holds credentials; give the token as --token") as refused:
        repository_path(given)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        "file:///etc/x",
        "http://git.example/owner/infra",
        "ssh://git.example/owner/infra",
        "owner",
        "../x/y",
        "owner/.git",
        "a//b",
        "",
    ],
)
def test_what_is_no_repository_is_refused(given: str) -> None:
    """The argument's text promises https; a file of the pipeline's own container is no infrastructure repository."""
    with pytest.raises(InvalidInput):
        repository_path(given)


def test_with_nothing_given_the_embedded_servers_serve() -> None:
    """Under the name that keeps a rehearsal apart from others."""
    embedded = Access().embedded("default")
    assert embedded
    assert embedded.name == "default"


@pytest.mark.parametrize("name", ["", "Default", "a b", "../a", "-a", "a" * 41])
def test_a_rehearsal_without_a_usable_name_is_refused(name: str) -> None:
    """It becomes the name of a cache volume."""
    with pytest.raises(InvalidInput, match="is no name of a rehearsal"):
        Access().embedded(name)
