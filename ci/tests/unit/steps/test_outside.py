"""Where the registry and the infrastructure repository of a run are, as far as it is told without an engine."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.steps.outside import Access, repository_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("owner/infra", "https://git.example/owner/infra.git"),
        ("owner/infra.git", "https://git.example/owner/infra.git"),
        ("https://other.example/owner/infra", "https://other.example/owner/infra"),
        ("http://localhost:8081/infra.git", "http://localhost:8081/infra.git"),
    ],
)
def test_a_name_is_looked_for_at_the_host_and_an_address_is_itself(given: str, url: str) -> None:
    """With or without the ending of a bare repository."""
    assert repository_url(given, "https://git.example") == url


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "given", ["https://canary-51c7@git.example/owner/infra", "https://robot:canary-51c7@git.example/a"]
)
def test_an_address_with_credentials_is_refused_without_repeating_them(given: str) -> None:
    """Fault 18: addresses end up in messages, tokens do not."""
    with pytest.raises(InvalidInput, match="--infra-repo holds credentials; give the token as --token") as refused:
        repository_url(given, "https://git.example")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("given", ["file:///etc", "ssh://git.example/owner/infra"])
def test_another_way_than_http_is_refused(given: str) -> None:
    """The argument's text promises https; a file of the pipeline's own container is no infrastructure repository."""
    with pytest.raises(InvalidInput):
        repository_url(given, "https://git.example")


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
