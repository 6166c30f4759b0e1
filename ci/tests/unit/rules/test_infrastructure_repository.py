"""The address of the infrastructure repository."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.infrastructure import InfrastructureRepository


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("owner/infra", "https://github.com", "owner/infra"),
        ("owner/infra.git", "https://github.com", "owner/infra"),
        ("https://other.example/owner/infra", "https://other.example", "owner/infra"),
        ("https://git.example:8443/group/sub/infra.git", "https://git.example:8443", "group/sub/infra"),
    ],
)
def test_a_repository_is_a_name_on_github_or_a_url(text: str, host: str, path: str) -> None:
    """A name without a host is a repository on GitHub; the ending .git makes no difference."""
    assert InfrastructureRepository.parse(text) == InfrastructureRepository(host, path)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "text", ["https://canary-51c7@git.example/owner/infra", "https://robot:canary-51c7@git.example/a"]
)
def test_a_url_with_credentials_is_rejected(text: str) -> None:
    """A URL with credentials is an error that does not repeat them."""
    with pytest.raises(
        InvalidInput, match=r"^deploy: --infra-repo contains credentials; give the token with --infra-token$"
    ) as rejected:
        InfrastructureRepository.parse(text)
    assert "canary" not in str(rejected.value)


@pytest.mark.parametrize(
    "text",
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
def test_anything_else_is_rejected(text: str) -> None:
    """A value that is neither owner/name nor an https URL is an error that names the flag and the value."""
    with pytest.raises(InvalidInput) as rejected:
        InfrastructureRepository.parse(text)
    assert str(rejected.value) == (
        f"deploy: invalid --infra-repo={text!r}: expected owner/name or an https URL; "
        "give a repository on GitHub, such as owner/infra, or the URL of another server"
    )
