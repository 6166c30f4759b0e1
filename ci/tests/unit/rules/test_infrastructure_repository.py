"""The address of the infrastructure repository, the user beside the token, and the committer."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.infrastructure import DEFAULT_COMMITTER, Committer, GitIdentity, InfrastructureRepository


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("owner/infra", "https://github.com/owner/infra.git", "owner/infra"),
        ("owner/infra.git", "https://github.com/owner/infra.git", "owner/infra"),
        (" owner/infra/\n", "https://github.com/owner/infra.git", "owner/infra"),
        ("owner/infra.d", "https://github.com/owner/infra.d.git", "owner/infra.d"),
    ],
)
def test_a_name_is_a_repository_on_github(text: str, url: str, name: str) -> None:
    """A name without a host is a repository on GitHub; the ending .git makes no difference."""
    repository = InfrastructureRepository.parse(text)
    assert (repository.url, repository.name) == (url, name)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/owner/infra", "owner/infra"),
        ("https://git.example:8443/group/sub/deeper/infra.git", "group/sub/deeper/infra"),
        ("https://dev.azure.com/org/project/_git/infra", "org/project/_git/infra"),
        ("https://dev.azure.com/org/my%20project/_git/my%20infra", "org/my-project/_git/my-infra"),
        ("https://org.visualstudio.com/DefaultCollection/project/_git/infra", "DefaultCollection/project/_git/infra"),
        ("https://bitbucket.example/scm/ops/infra.git", "scm/ops/infra"),
        ("https://bitbucket.example/context/scm/~ann/infra.git", "context/scm/-ann/infra"),
        ("https://git.example/infra", "infra"),
        ("https://git.example/~ann/infra.git", "-ann/infra"),
        ("https://git.example/.config/infra.git", ".config/infra"),
        ("https://git.example/srv/infra/.git", "srv/infra"),
        ("https://git.example/r%C3%A4ume/infra", "r-ume/infra"),
        ("https://[::1]:3000/owner/infra", "owner/infra"),
        ("https://git_server:3000/owner/infra+charts", "owner/infra-charts"),
    ],
)
def test_a_url_is_used_as_it_stands(url: str, name: str) -> None:
    """An https URL is used as it was given, and its path gives the name of the repository in a rehearsal."""
    repository = InfrastructureRepository.parse(url)
    assert (repository.url, repository.name) == (url, name)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://git.example/owner/infra/", "https://git.example/owner/infra"),
        ("HTTPS://git.example/owner/infra\n", "https://git.example/owner/infra"),
        ("https://dev.azure.com/org/my project/_git/infra", "https://dev.azure.com/org/my%20project/_git/infra"),
        ("https://git.example/räume/infra", "https://git.example/r%C3%A4ume/infra"),
        ("https://git.müller.example:8443/ops/infra", "https://git.xn--mller-kva.example:8443/ops/infra"),
        ("https://git.example/[ops]/infra", "https://git.example/%5Bops%5D/infra"),
    ],
)
def test_what_no_url_holds_is_encoded(text: str, url: str) -> None:
    """Blanks and other letters in a URL are encoded, and a slash or a line break at its end is left out."""
    assert InfrastructureRepository.parse(text).url == url


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "text",
    [
        "https://canary-51c7@git.example/owner/infra",
        "https://canary-51c7@dev.azure.com/canary-51c7/project/_git/infra",
        "canary-51c7@git.example:8443/owner/infra",
        "https://robot:canary-51c7@git.example/a",
        "https://robot:can/ary-51c7@git.example/a",
        "robot:canary-51c7@git.example/owner/infra",
    ],
)
def test_a_url_with_credentials_is_rejected(text: str) -> None:
    """A URL with credentials is an error that does not repeat them."""
    with pytest.raises(
        InvalidInput,
        match=r"^deploy: --infra-repo contains credentials; leave out what precedes the @: give the token with "
        r"--infra-token, a user with --infra-user$",
    ) as rejected:
        InfrastructureRepository.parse(text)
    assert "canary" not in str(rejected.value)


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:owner/infra.git",
        "ssh://git@git.example:7999/ops/infra.git",
        "SSH://git@git.example/ops/infra.git",
        "ssh://git.example/ops/infra.git",
        "git+ssh://git@git.example/ops/infra.git",
        "ssh+git://git.example/ops/infra.git",
        "gitea@git.example:owner/infra.git",
        "org-1234@github.com:owner/infra.git",
        "git@ssh.dev.azure.com:v3/org/project/infra",
        "ann@git.example:~ann/infra.git",
    ],
)
def test_an_ssh_address_is_rejected(text: str) -> None:
    """An SSH address is an error that asks for the https URL, although it has an @ as credentials have."""
    with pytest.raises(InvalidInput, match="--infra-repo is an SSH address; give the https URL of the repository"):
        InfrastructureRepository.parse(text)


@pytest.mark.parametrize("url", ["http://localhost:3000/owner/infra.git", "HTTP://git.example/owner/infra"])
def test_a_plain_http_url_is_rejected(url: str) -> None:
    """A URL without encryption is an error that asks for https, or for the server as a service."""
    with pytest.raises(InvalidInput, match=r"is a plain http URL.*; give its https URL, or .* --infra-service=tcp://"):
        InfrastructureRepository.parse(url)


@pytest.mark.parametrize("end", ["?private_token=canary-51c7", "?path=/svm.yaml", "#readme"])
def test_a_query_is_rejected(end: str) -> None:
    """A URL with a query or a fragment, as in the address line of a browser, is an error that does not repeat it."""
    with pytest.raises(InvalidInput, match="--infra-repo has a query or a fragment; give the URL") as rejected:
        InfrastructureRepository.parse(f"https://git.example/owner/infra{end}")
    assert end not in str(rejected.value)


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/x",
        "ssh://git.example/owner/infra".replace("ssh", "git"),
        "owner",
        "../x/y",
        "owner/.git",
        "a//b",
        "",
        "github.com/owner/infra",
        "owner/my infra",
        "https://git.example",
        "https://git.example/",
        "https://git.example/.git",
        "https://git.example/a//b",
        "https://git.example//a",
        "https://git.example/a/../b",
        "https://git.example/a/%2e%2e/b",
        "https://git.example\\a/b",
        "https://git.example/a\tb",
        "https://git.example:port/a",
        "https://git.example:70000/a",
        "https://git example/a",
        "https:///owner/infra",
        f"https://{'ä' * 70}.example/owner/infra",
        "https://[::1/a",
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


@given(st.text())
def test_a_path_never_leads_to_another_host_or_folder(path: str) -> None:
    """Whatever the path of a URL is, the repository stays on its host and below its folder, or it is rejected."""
    try:
        repository = InfrastructureRepository.parse(f"https://git.example/{path}")
    except InvalidInput:
        return
    assert repository.host == "https://git.example"
    assert repository.path.isascii()
    assert not {"", ".", ".."} & set(repository.name.split("/"))


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("stage-ci <stage-ci@users.noreply.github.com>", "stage-ci", "stage-ci@users.noreply.github.com"),
        (" Zoë O'Neil, Ops <zoe+ci@corp.example>\n", "Zoë O'Neil, Ops", "zoe+ci@corp.example"),
    ],
)
def test_a_committer_has_a_name_and_an_address(text: str, name: str, address: str) -> None:
    """A committer is a name with an address in angle brackets, as git prints it."""
    assert Committer.parse(text) == Committer(name, address)
    assert str(Committer.parse(text)) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "bot", "bot@corp.example", "<bot@corp.example>", "bot <>", "bot <a b>", "a\nb <c@d>", "a <b> <c@d>"]
)
def test_a_committer_that_git_cannot_write_is_rejected(text: str) -> None:
    """A committer without a name or an address, or with characters that git has no place for, is an error."""
    with pytest.raises(InvalidInput, match=re.escape(f"invalid --infra-committer={text!r}: expected NAME <ADDRESS>")):
        Committer.parse(text)


@pytest.mark.parametrize("user", ["oauth2", "x-token-auth", "", "ann@corp.example", "x-access-token\n"])
def test_a_user_is_sent_as_given(user: str) -> None:
    """The user beside the token is any ASCII text without a colon, and may be empty."""
    assert GitIdentity.parse(user, str(DEFAULT_COMMITTER)).user == user.strip()


@pytest.mark.parametrize("user", ["ann:canary-51c7", "a b", "zoë", "a\x00b"])
def test_a_user_that_a_header_cannot_hold_is_rejected(user: str) -> None:
    """A user with a colon, a blank or other letters is an error that does not repeat it."""
    with pytest.raises(InvalidInput, match="invalid --infra-user: expected ASCII characters") as rejected:
        GitIdentity.parse(user, str(DEFAULT_COMMITTER))
    assert user not in str(rejected.value)
