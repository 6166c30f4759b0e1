"""How a registry asks who is there, and what is answered."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput, RegistryUnavailable
from stage_ci.rules.registry import TransientError
from stage_ci.rules.registry_auth import Challenge, Credentials, bearer, token_address

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:owner/service:pull,push"'
HUB_PARAMETERS = {
    "realm": "https://auth.docker.io/token",
    "service": "registry.docker.io",
    "scope": "repository:owner/service:pull,push",
}


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (HUB, [("bearer", HUB_PARAMETERS)]),
        ("Basic", [("basic", {})]),
        ('BASIC Realm = "a \\"b\\", c"', [("basic", {"realm": 'a "b", c'})]),
        ("Bearer realm=https", [("bearer", {"realm": "https"})]),
        (
            'Basic realm="a", Bearer realm="b", service="c"',
            [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "service": "c"})],
        ),
        ("Negotiate, Basic", [("negotiate", {}), ("basic", {})]),
        ("Negotiate YWJj==, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Bearer realm="a", realm="b"', [("bearer", {"realm": "a"})]),
        (', ,Basic , realm="a" ,', [("basic", {"realm": "a"})]),
        ('realm="a"', []),
        ("", []),
    ],
)
def test_challenges_are_read_one_by_one(header: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    """RFC 9110, 11.6.1: the comma separates challenges as well as their parameters."""
    assert Challenge.parse(header) == [Challenge(scheme, parameters) for scheme, parameters in challenges]


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        (["Basic realm=a", HUB], "bearer"),
        ([HUB, "Basic realm=a"], "bearer"),
        (["Negotiate, Basic realm=a"], "basic"),
    ],
)
def test_a_token_is_chosen_before_a_password(headers: list[str], scheme: str) -> None:
    """The password is then sent once, not with every request."""
    chosen = Challenge.choose(headers)
    assert chosen is not None
    assert chosen.scheme == scheme


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["Digest realm=a"]])
def test_a_challenge_that_nobody_can_answer_is_not_chosen(headers: list[str]) -> None:
    """The caller refuses instead of guessing."""
    assert Challenge.choose(headers) is None


@given(st.text(max_size=60) | st.text('Bearer, realm="\\=', max_size=60))
def test_any_header_gives_challenges_in_lower_case(header: str) -> None:
    """No text of a registry breaks the reader."""
    assert all(challenge.scheme == challenge.scheme.lower() for challenge in Challenge.parse(header))


@pytest.mark.parametrize("header", ['"\\"' * 30_000, "a " * 50_000, 'a="' * 30_000, "," * 100_000, "a" * 100_000])
def test_a_hostile_header_takes_no_time(header: str) -> None:
    """The patterns look at a bounded part of it."""
    start = time.perf_counter()
    Challenge.parse(header)
    assert time.perf_counter() - start < 1


def test_a_token_is_asked_for_with_service_and_scope() -> None:
    """As Docker Hub wants it."""
    assert token_address(Challenge("bearer", HUB_PARAMETERS), "https://registry-1.docker.io") == (
        "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Aowner%2Fservice%3Apull%2Cpush"
    )


@pytest.mark.parametrize(
    ("parameters", "address"),
    [
        ({"realm": "https://auth.example/t"}, "https://auth.example/t"),
        ({"realm": "https://auth.example/t?a=b", "service": "s"}, "https://auth.example/t?a=b&service=s"),
        ({"realm": "https://auth.example/t", "scope": "a b"}, "https://auth.example/t?scope=a&scope=b"),
    ],
)
def test_the_realm_keeps_its_own_query(parameters: dict[str, str], address: str) -> None:
    """Service and scopes follow it, one parameter for each scope."""
    assert token_address(Challenge("bearer", parameters), "https://registry.example") == address


def test_a_plain_registry_may_name_a_plain_token_service() -> None:
    """Whoever chose http for the registry has chosen it for the password."""
    challenge = Challenge("bearer", {"realm": "http://auth.example:5001/token"})
    assert token_address(challenge, "http://registry.example:5000") == "http://auth.example:5001/token"


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example/token",
        "ftp://auth.example/token",
        "/token",
        "auth.example",
        "https://",
        "https://[",
        "https://auth.example:port/token",
        "https://auth.example:99999/token",
        "https://robot@auth.example/token",
        "https://auth.example/token#here",
        "https://auth.example/to ken",
        "https://auth.example/to\nken",
        "",
    ],
)
def test_a_realm_that_is_no_safe_address_is_not_asked(realm: str) -> None:
    """The password goes where the registry says only if nobody on the way can read it."""
    with pytest.raises(RegistryUnavailable, match=r"registry\.example names no token service to trust"):
        token_address(Challenge("bearer", {"realm": realm}), "https://registry.example")


@pytest.mark.parametrize(
    "body",
    [b'{"token": "t.1-_~+/="}', b'{"access_token": "t.1-_~+/="}', b'{"token": "t.1-_~+/=", "access_token": "b"}'],
)
def test_a_token_is_read_under_both_names(body: bytes) -> None:
    """Token services of OAuth 2.0 say access_token."""
    assert bearer(body) == "Bearer t.1-_~+/="


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": 1}', b'{"token": "a b"}', b'{"token": "a\\r\\nX: b"}']
)
def test_what_is_no_token_is_not_sent(body: bytes) -> None:
    """Least of all a line break."""
    with pytest.raises(TransientError, match="sent something other than a token"):
        bearer(body)


def test_credentials_show_no_password() -> None:
    """Neither when printed nor when refused."""
    assert "canary" not in repr(Credentials("robot", "canary"))
    with pytest.raises(InvalidInput, match="user name holds a colon") as refused:
        Credentials("robot:1", "canary")
    assert "canary" not in str(refused.value)


def test_credentials_are_encoded_as_utf_8() -> None:
    """RFC 7617, with its own example of a pound sign."""
    assert Credentials("test", "123£").basic() == "Basic dGVzdDoxMjPCow=="
