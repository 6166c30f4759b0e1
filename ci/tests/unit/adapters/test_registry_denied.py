"""What the error about denied access to a registry contains, tested with real HTTP servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.registry import RegistryLogin
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

TOKEN: Final = "/token?scope=repository%3Aowner%2Fservice%3Apull%2Cpush"  # noqa: S105 - an address


@pytest.mark.fault(6)
async def test_the_message_of_a_403_is_in_the_error(server: Server, script: Scripting) -> None:
    """A 403 fails with the registry's message, because its reason may be a quota instead of missing rights."""
    server.on(
        "GET tags/list", script.json({"errors": [{"code": "DENIED", "message": "quota of 10 GiB exceeded"}]}, 403)
    )
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"403 \(DENIED\): quota of 10 GiB exceeded; make room on the"):
            await registry.tags()


@pytest.mark.fault(6, 36)
@pytest.mark.parametrize("form", ["{login.password}", "{basic}", "Bearer canary-token"])
async def test_a_message_that_repeats_a_secret_is_not_in_the_error(
    server: Server, other: Server, script: Scripting, form: str
) -> None:
    """A 403 whose message repeats the password, the Authorization header or the token fails without the message."""
    server.require("Bearer canary-token", f'Bearer realm="{other.url}/token"')
    other.on(f"GET {TOKEN}", script.json({"token": "canary-token"}))
    message = "no access for " + form.format(login=script.login, basic=script.basic)
    server.on("GET tags/list", script.json({"errors": [{"code": "DENIED", "message": message}]}, 403))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"answered 403 \(DENIED\); check"):
            await registry.tags()


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    ("name", "challenge"), [("registry", "Basic"), ("token service", 'Bearer realm="{url}/token"')]
)
async def test_the_reason_of_a_rejected_password_is_in_the_error(
    server: Server, other: Server, script: Scripting, name: str, challenge: str
) -> None:
    """A 401 fails with the reason of the registry or of its token service, such as a token that has expired."""
    expired = script.json({"details": "the access token has expired", "message": ""}, 401)
    other.on(f"GET {TOKEN}", expired)
    denied = {"registry": expired._replace(headers={"WWW-Authenticate": challenge}), "token service": None}[name]
    if denied:
        server.on("GET tags/list", denied)
    else:
        server.require("another", challenge.format(url=other.url))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401: the access token has expired; check the user"):
            await registry.tags()


@pytest.mark.fault(6, 36)
@pytest.mark.parametrize(
    ("reason", "shown"),
    [("The access token expired", r"answered 401: The access token expired; check"), ("no canary-7f3a", "401; check")],
)
async def test_a_reason_may_be_in_the_challenge(server: Server, script: Scripting, reason: str, shown: str) -> None:
    """A 401 without a body fails with the description in its challenge (RFC 6750), unless that repeats a secret."""
    server.require("of another user", f'Basic, Bearer error="invalid_token", error_description="{reason}"')
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=shown):
            await registry.tags()


@pytest.mark.fault(6)
async def test_denied_anonymous_access_asks_for_a_login(server: Server, script: Scripting) -> None:
    """Without a login, the remedy names the flags of user and password instead of the rights of a user."""
    server.on("GET tags/list", script.error("DENIED", 403))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"give .* with --docker-username and --docker-password"):
            await registry.tags()


@pytest.mark.fault(5, 6)
async def test_a_missing_repository_that_no_push_creates_is_denied(
    server: Server, other: Server, script: Scripting
) -> None:
    """A 401 to a token with push access is not an empty repository; the remedy says to create a missing one."""
    server.require("Bearer of an owner", f'Bearer realm="{other.url}/token",scope="repository:owner/service:pull"')
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match="create it if it does not exist"):
            await registry.tags()
    assert len(server.lines) == 2


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (
            400,
            {"errors": [{"code": "NAME_INVALID", "message": "upper case in name"}]},
            r"answered 400 \(NAME_INVALID\): upper",
        ),
        (406, {"message": "HTTP 406 by the gateway"}, "answered 406: HTTP 406 by the gateway"),
        (
            503,
            {"errors": [{"code": "UNAVAILABLE", "message": "back at noon"}]},
            r"503 \(UNAVAILABLE\): back at noon \(att",
        ),
        (
            429,
            {"errors": [{"code": "TOOMANYREQUESTS", "message": "100 pulls"}]},
            r"429 \(TOOMANYREQUESTS\): 100 pulls \(a",
        ),
        (200, {"message": "the trial has ended"}, r"sent something other than a tag list: the trial has ended \(att"),
    ],
)
async def test_the_reason_of_any_failure_is_in_the_error(
    server: Server, script: Scripting, status: int, body: object, reason: str
) -> None:
    """Other failures than denied access have the registry's reason as well, also after the last attempt.

    Only what another attempt may change is to be run again.
    """
    server.on("GET tags/list", script.json(body, status))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=reason) as failed:
            await registry.tags()
    assert ("run again" in str(failed.value)) is (status in {200, 429, 503})


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("challenge", ["Basic", 'Bearer realm="{url}/token"'])
async def test_a_login_from_a_file_is_accepted(
    server: Server, other: Server, script: Scripting, challenge: str, end: str
) -> None:
    """A user name and a password that end with a line break, as of a file, are sent without it."""
    server.require(script.basic if challenge == "Basic" else "Bearer t1", challenge.format(url=other.url))
    server.on("GET tags/list", script.json({"tags": []}))
    other.on(f"GET {TOKEN}", script.json({"access_token": "t1"}))
    login = RegistryLogin(f"{script.login.username}{end}", f"{script.login.password}{end}")
    async with script.registry(server, login) as registry:
        assert await registry.tags() == []
    assert {request.authorization for request in other.requests} <= {script.basic}
