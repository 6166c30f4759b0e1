"""The token services and challenges of different vendors, as a session with a registry meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import pytest

from stage_ci.errors import RegistryAccessDenied
from stage_ci.rules.reference import Digest

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

PULL: Final = "scope=repository%3Aowner%2Fservice%3Apull"
EMPTY: Final = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
BOTH: Final = f"{PULL}%2Cpush"


@pytest.fixture
def listing(server: Server, other: Server, script: Scripting) -> Server:
    """Return a registry with one tag that requires the token t1 of another host."""
    server.require("Bearer t1", f'Bearer realm="{other.url}/token",scope="repository:owner/service:pull"')
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    return server


@pytest.mark.parametrize(
    "challenge",
    [
        'bearer realm="{url}/token",service="registry"',
        'BEARER Realm="{url}/token", Service=registry',
        'Basic realm="registry", Bearer realm="{url}/token",service="registry"',
        'Bearer realm="{url}/token",service="registry", Basic realm="registry"',
        'Negotiate, Bearer service="registry" , realm="{url}/token",error="invalid_token"',
        'Bearer realm="{url}/token",service="registry",scope=""',
    ],
)
async def test_a_challenge_may_have_many_forms(
    listing: Server, other: Server, script: Scripting, challenge: str
) -> None:
    """A Bearer challenge is met in any case and order, beside others, and without the scope, which is then ours."""
    listing.require("Bearer t1", challenge.format(url=other.url))
    other.on(f"GET /token?service=registry&{BOTH}", script.json({"token": "t1"}))
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]


@pytest.mark.parametrize("named", [False, True], ids=["anonymous", "login"])
@pytest.mark.parametrize("challenge", ['Bearer realm="{url}/token"', 'Bearer realm="{url}/token",scope=" "'])
async def test_a_token_without_a_scope_in_the_challenge_is_for_the_repository(
    listing: Server, other: Server, script: Scripting, challenge: str, *, named: bool
) -> None:
    """A challenge that names no scope leads to a token for the repository, as Docker and skopeo request it."""
    listing.require("Bearer t1", challenge.format(url=other.url))
    other.on(f"GET /token?{BOTH if named else PULL}", script.json({"token": "t1"}))
    async with script.registry(listing, script.login if named else None) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_a_bearer_challenge_without_a_service_gives_way_to_basic(listing: Server, script: Scripting) -> None:
    """A Bearer challenge that names no token service cannot be met, so the password is sent if Basic is offered."""
    listing.require(script.basic, 'Bearer, Basic realm="registry"')
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]


@pytest.mark.parametrize(
    ("scope", "query"),
    [
        ("repository:owner/service:pull", BOTH),
        (
            "repository:owner/service:pull repository:base/image:pull",
            f"{BOTH}&{BOTH.replace('owner%2Fservice', 'base%2Fimage')}",
        ),
        ("*", "scope=%2A"),
        (
            "registry:catalog:* repository:owner/service:*",
            f"scope=registry%3Acatalog%3A%2A&{PULL[:-4]}%2A%2Cpull%2Cpush",
        ),
    ],
)
async def test_scopes_are_sent_one_by_one(
    listing: Server, other: Server, script: Scripting, scope: str, query: str
) -> None:
    """Each of several scopes, separated by blanks, becomes a parameter; that of Gitea, `*`, stays as it is."""
    listing.require("Bearer t1", f'Bearer realm="{other.url}/token",scope="{scope}"')
    other.on(f"GET /token?{query}", script.json({"token": "t1"}))
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]


@pytest.mark.parametrize(
    "token",
    [
        {"token": "t1", "expires_in": 300, "issued_at": "2026-05-04T12:00:00Z"},
        {"access_token": "t1", "scope": "", "token_type": "Bearer"},
        {"token": None, "access_token": "t1", "refresh_token": "r"},
        {"token": "", "access_token": "t1"},
    ],
)
async def test_a_token_has_either_name(listing: Server, other: Server, script: Scripting, token: object) -> None:
    """A token is read under both of its names, whether or not the response says when it expires."""
    other.on(f"GET /token?{BOTH}", script.json(token))
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]


@pytest.mark.fault(6)
async def test_a_login_that_can_only_read_lists_tags(listing: Server, other: Server, script: Scripting) -> None:
    """If a token service denies all because the user may not push, the access that the registry named is requested."""
    other.on(f"GET /token?{BOTH}", script.error("DENIED", 403))
    other.on(f"GET /token?{PULL}", script.json({"token": "t1"}))
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert other.lines == [f"GET /token?{BOTH}", f"GET /token?{PULL}"]


@pytest.mark.fault(6)
async def test_a_rejected_password_is_not_sent_for_less_access(
    listing: Server, other: Server, script: Scripting
) -> None:
    """A token service that rejects the password (401) is not asked again for less access."""
    other.on(f"GET /token?{BOTH}", script.json({"error": "Invalid Username or Password"}, 401))
    async with script.registry(listing, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401: Invalid Username or Password; check"):
            await registry.tags()
    assert len(other.lines) == 1


async def test_a_token_service_may_accept_only_post(listing: Server, other: Server, script: Scripting) -> None:
    """A token service that allows no GET (405) is asked by POST, with the user in the body."""
    other.on(f"GET /token?{BOTH}", script.reply(405))
    other.on("POST /token", script.json({"access_token": "t1"}))
    async with script.registry(listing, script.login) as registry:
        assert await registry.tags() == ["v1.0.1"]
    fields = parse_qs(other.requests[-1].body.decode())
    assert (fields["grant_type"], fields["username"]) == (["password"], [script.login.username])
    assert fields["scope"] == ["repository:owner/service:pull,push"]


@pytest.mark.fault(5)
async def test_a_write_gets_the_access_that_its_challenge_names(
    server: Server, other: Server, script: Scripting
) -> None:
    """A registry that everybody may read names the access for a push only when a push arrives without a token."""
    challenge = f'Bearer realm="{other.url}/token",scope="repository:owner/service:push"'
    server.on(f"GET manifests/{EMPTY}", script.reply(body=b"{}"))
    server.on("GET manifests/v1", script.error("MANIFEST_UNKNOWN"))
    server.on("PUT manifests/v1", script.json({}, 401, WWW_Authenticate=challenge), script.reply(201))
    other.on("GET /token?scope=repository%3Aowner%2Fservice%3Apush%2Cpull", script.json({"token": "t2"}))
    async with script.registry(server, script.login) as registry:
        assert await registry.tag("v1", Digest.parse(EMPTY)) is None
    assert [request.authorization for request in server.requests if request.method == "PUT"] == ["", "Bearer t2"]
