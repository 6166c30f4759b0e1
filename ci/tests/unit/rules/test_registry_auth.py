"""Challenges, tokens and logins of registries."""

import time
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput, RegistryUnavailable
from stage_ci.rules.registry.auth import Challenge, RegistryLogin, bearer, token_form, token_url
from stage_ci.rules.registry.protocol import TransientError

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
def test_a_header_may_hold_several_challenges(header: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    """A comma separates challenges as well as the parameters of one challenge (RFC 9110, 11.6.1)."""
    assert Challenge.parse(header) == [Challenge(scheme, parameters) for scheme, parameters in challenges]


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        (["Basic realm=a", HUB], "bearer"),
        ([HUB, "Basic realm=a"], "bearer"),
        (["Negotiate, Basic realm=a"], "basic"),
        (["Bearer, Basic realm=a"], "basic"),
        (['Basic realm=a, Bearer service="b"'], "basic"),
        (["Bearer"], "bearer"),
    ],
)
def test_bearer_is_preferred_to_basic(headers: list[str], scheme: str) -> None:
    """A Bearer challenge is preferred to Basic if it names its service: then the password is sent only once."""
    chosen = Challenge.choose(headers)
    assert chosen is not None
    assert chosen.scheme == scheme


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["Digest realm=a"]])
def test_an_unsupported_scheme_is_not_chosen(headers: list[str]) -> None:
    """No challenge is chosen if the registry offers neither Bearer nor Basic."""
    assert Challenge.choose(headers) is None


@given(st.text(max_size=60) | st.text('Bearer, realm="\\=', max_size=60))
def test_any_header_gives_challenges_in_lower_case(header: str) -> None:
    """Any header gives challenges with schemes in lower case, and no exception."""
    assert all(challenge.scheme == challenge.scheme.lower() for challenge in Challenge.parse(header))


@pytest.mark.parametrize("header", ['"\\"' * 30_000, "a " * 50_000, 'a="' * 30_000, "," * 100_000, "a" * 100_000])
def test_a_hostile_header_is_parsed_quickly(header: str) -> None:
    """A WWW-Authenticate header that is made to slow down the parser is parsed within a second."""
    start = time.perf_counter()
    Challenge.parse(header)
    assert time.perf_counter() - start < 1


def test_the_token_url_has_service_and_scope() -> None:
    """The token URL contains service and scope of the challenge, as Docker Hub requires."""
    assert token_url(Challenge("bearer", HUB_PARAMETERS), "https://registry-1.docker.io", push=False) == (
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
    """The token URL keeps the realm's own query and gets one parameter for each scope."""
    assert token_url(Challenge("bearer", parameters), "https://registry.example", push=False) == address


@pytest.mark.parametrize(("push", "actions"), [(False, "pull"), (True, "pull%2Cpush")])
@pytest.mark.parametrize("named", [{}, {"scope": ""}, {"scope": " "}])
def test_without_a_scope_the_token_is_for_the_repository(named: dict[str, str], actions: str, *, push: bool) -> None:
    """A challenge without a scope leads to a token for the repository, whose name is not encoded twice."""
    challenge = Challenge("bearer", {"realm": "https://auth.example/t"} | named)
    url = token_url(challenge, "https://registry.example/v2/own%2Der/service", push=push)
    assert url == f"https://auth.example/t?scope=repository%3Aown-er%2Fservice%3A{actions}"


@pytest.mark.parametrize(
    ("scope", "requested"),
    [
        ("repository:owner/service:pull", "repository%3Aowner%2Fservice%3Apull%2Cpush"),
        ("repository:owner/service:push,pull", "repository%3Aowner%2Fservice%3Apush%2Cpull"),
        ("repository:host:5000/service:pull", "repository%3Ahost%3A5000%2Fservice%3Apull%2Cpush"),
        ("registry:catalog:*", "registry%3Acatalog%3A%2A"),
        ("pull", "pull"),
    ],
)
def test_push_access_is_added_to_the_scope_of_a_repository(scope: str, requested: str) -> None:
    """A token URL with push access adds it to the scopes of repositories and leaves other scopes as they are."""
    challenge = Challenge("bearer", {"realm": "https://auth.example/t", "scope": scope})
    url = token_url(challenge, "https://registry.example", push=True)
    assert url == f"https://auth.example/t?scope={requested}"


def test_a_token_request_by_post_has_the_fields_of_oauth() -> None:
    """A token request by POST has the scopes in one field, and the user in the body instead of a header."""
    url = "https://auth.example/t?service=s+1&scope=repository%3Aa%3Apull%2Cpush&scope=b"
    address, form = token_form(url, RegistryLogin("robot", "p&w"))
    assert address == "https://auth.example/t"
    assert parse_qs(form.decode()) == {
        "service": ["s 1"],
        "scope": ["repository:a:pull,push b"],
        "grant_type": ["password"],
        "client_id": ["stage-ci"],
        "username": ["robot"],
        "password": ["p&w"],
    }


def test_an_http_registry_may_name_an_http_token_service() -> None:
    """An http registry may name an http token service, because its own requests are unencrypted as well."""
    challenge = Challenge("bearer", {"realm": "http://auth.example:5001/token"})
    assert token_url(challenge, "http://registry.example:5000", push=False) == "http://auth.example:5001/token"


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
def test_an_unsafe_realm_is_rejected(realm: str) -> None:
    """A realm of an https registry that is not a valid https URL is rejected, so that the password stays encrypted."""
    with pytest.raises(RegistryUnavailable, match=r"registry\.example names an unusable token service"):
        token_url(Challenge("bearer", {"realm": realm}), "https://registry.example", push=False)


@pytest.mark.parametrize(
    "body",
    [b'{"token": "t.1-_~+/="}', b'{"access_token": "t.1-_~+/="}', b'{"token": "t.1-_~+/=", "access_token": "b"}'],
)
def test_a_token_is_read_under_both_names(body: bytes) -> None:
    """A token is read from `token` or, as OAuth 2.0 names it, from `access_token`."""
    assert bearer(body) == "Bearer t.1-_~+/="


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": 1}', b'{"token": "a b"}', b'{"token": "a\\r\\nX: b"}']
)
def test_an_invalid_token_is_an_error(body: bytes) -> None:
    """A missing token, or one with characters that could end the Authorization header, is an error."""
    with pytest.raises(TransientError, match="sent something other than a token"):
        bearer(body)


def test_a_login_does_not_show_its_password() -> None:
    """Neither the repr of a login nor the error about its user name contains the password."""
    assert "canary" not in repr(RegistryLogin("robot", "canary"))
    with pytest.raises(InvalidInput, match="user name contains a colon") as error:
        RegistryLogin("robot:1", "canary")
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
def test_a_login_has_no_line_break_at_its_end(end: str) -> None:
    """Line breaks at the end of user name and password, as of a file, are removed; others and blanks are kept."""
    assert RegistryLogin(f"robot{end}", f"can\nary {end}") == RegistryLogin("robot", "can\nary ")


def test_a_login_is_encoded_as_utf_8() -> None:
    """User name and password are encoded as UTF-8, as in the example of RFC 7617."""
    assert RegistryLogin("test", "123£").basic() == "Basic dGVzdDoxMjPCow=="
