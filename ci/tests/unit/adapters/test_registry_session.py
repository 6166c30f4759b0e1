"""Authentication, retries and time limits of a session with a registry, tested with real HTTP servers."""

from __future__ import annotations

import base64
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.errors import RegistryAccessDenied, RegistryError, RegistryUnavailable

if TYPE_CHECKING:
    from tests.servers.loopback import Reply
    from tests.unit.adapters.conftest import Scripting, Server

ATTEMPTS: Final = 6
TOKEN: Final = "/token?service=registry&scope=repository%3Aowner%2Fservice%3Apull%2Cpush"  # noqa: S105 - an address
BROKEN: Final = {
    "500": {"status": 500},
    "502": {"status": 502, "body": b"<html>Bad Gateway</html>"},
    "503": {"status": 503},
    "reset": {"reset": True},
    "cut": {"cut": True},
    "html": {"body": b"<html><title>Sign in</title></html>"},
    "json": {"body": b'{"tags": ["v1.0.1"'},
    "shape": {"body": b'{"tags": {"v1.0.1": null}}'},
    "errors": {"body": b'{"errors": []}'},
}


def challenge(realm: Server) -> str:
    """Return the Bearer challenge of a registry whose token service is ``realm``."""
    return f'Bearer realm="{realm.url}/token",service="registry",scope="repository:owner/service:pull,push"'


@pytest.fixture
def tags(script: Scripting) -> Reply:
    """Return a valid tag list."""
    return script.json({"tags": ["v1.0.1"]})


@pytest.mark.fault(6)
@pytest.mark.parametrize("status", [401, 403])
async def test_denied_access_is_not_retried(server: Server, script: Scripting, waits: list[float], status: int) -> None:
    """A 401 or 403 fails at once: it is neither an empty repository nor worth a retry."""
    server.on("GET tags/list", script.error("DENIED", status))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=rf"{server.host}/owner/service answered {status} \(DENIED\)"):
            await registry.tags()
    assert (len(server.lines), waits) == (1, [])


@pytest.mark.fault(6)
async def test_a_bad_password_is_sent_once(server: Server, script: Scripting, waits: list[float]) -> None:
    """A wrong password is sent once, because further attempts may lock the account."""
    server.require("Basic of another user", 'Basic realm="registry"')
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert ([request.authorization for request in server.requests], waits) == (["", script.basic], [])


@pytest.mark.fault(6)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_service_that_denies_access_is_asked_once(
    server: Server, other: Server, script: Scripting, status: int
) -> None:
    """A token service that rejects the password, as Docker Hub's does, receives one request."""
    server.require("Bearer t1", challenge(other))
    other.on(f"GET {TOKEN}", script.error("UNAUTHORIZED", status))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(
            RegistryAccessDenied, match=rf"its token service {other.host} answered {status} \(UNAUTHORIZED\)"
        ):
            await registry.tags()
    assert (len(server.lines), len(other.lines)) == (1, 1)


async def test_anonymous_access_fails_if_a_password_is_required(server: Server, script: Scripting) -> None:
    """Without a login, a Basic challenge fails as denied access after one request."""
    server.require(script.basic, "Basic")
    async with script.registry(server) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert len(server.lines) == 1


async def test_the_password_is_sent_with_every_later_request(server: Server, script: Scripting, tags: Reply) -> None:
    """After the first Basic challenge, every request of the session sends the password."""
    server.require(script.basic, "Basic")
    server.on("GET tags/list", tags)
    async with script.registry(server, script.login) as registry:
        assert await registry.tags() == await registry.tags() == ["v1.0.1"]
    assert [request.authorization for request in server.requests] == ["", script.basic, script.basic]


@pytest.mark.parametrize("named", [False, True], ids=["anonymous", "credentials"])
async def test_the_password_is_sent_to_the_token_service_only(
    server: Server, other: Server, script: Scripting, tags: Reply, *, named: bool
) -> None:
    """The token service receives the password if there is a login; the registry receives the token only."""
    server.require("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}))
    async with script.registry(server, script.login if named else None) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert [request.authorization for request in server.requests] == ["", "Bearer t1"]
    assert [request.authorization for request in other.requests] == [script.basic if named else ""]


@pytest.mark.fault(5)
@pytest.mark.parametrize(("named", "actions"), [(False, "pull"), (True, "pull%2Cpush")], ids=["anonymous", "login"])
async def test_a_login_requests_push_access_with_its_first_token(
    server: Server, other: Server, script: Scripting, *, named: bool, actions: str
) -> None:
    """A login requests push access even for a tag list, because a repository may not exist before the first push."""
    realm = challenge(other).replace("pull,push", "pull")
    server.require("Bearer t1", realm)
    server.on("GET tags/list", script.error("NAME_UNKNOWN"))
    other.on(f"GET {TOKEN.replace('pull%2Cpush', actions)}", script.json({"token": "t1"}))
    async with script.registry(server, script.login if named else None) as registry:
        assert await registry.tags() == []


@pytest.mark.fault(9)
async def test_an_expired_token_is_replaced_once(server: Server, other: Server, script: Scripting, tags: Reply) -> None:
    """A token that expires between two requests is replaced by exactly one new token."""
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}), script.json({"access_token": "t2"}))
    server.require("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    async with script.registry(server, script.login) as registry:
        await registry.tags()
        server.require("Bearer t2", challenge(other))
        assert await registry.tags() == ["v1.0.1"]
    assert len(other.lines) == 2


@pytest.mark.fault(9)
async def test_a_rejected_new_token_is_not_replaced(server: Server, other: Server, script: Scripting) -> None:
    """A new token that the registry rejects fails as denied access instead of being replaced again."""
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}))
    server.require("Bearer t2", challenge(other))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert (len(server.lines), len(other.lines)) == (2, 1)


@pytest.mark.parametrize("token", [{}, {"token": ""}, {"token": "t1\r\nX: y"}, {"token": 1}, []])
async def test_a_response_without_a_token_is_retried(
    server: Server, other: Server, script: Scripting, tags: Reply, token: object
) -> None:
    """A token service's response without a valid token is retried, and nothing of it is sent to the registry."""
    other.on(f"GET {TOKEN}", script.json(token), script.reply(503), script.json({"token": "t1"}))
    server.require("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_a_404_of_the_token_service_names_the_token_service(
    server: Server, other: Server, script: Scripting
) -> None:
    """A 404 of the token service names that service in the error and is not read as an empty repository."""
    server.require("Bearer t1", challenge(other))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"its token service {other.host} answered 404"):
            await registry.tags()


async def test_a_broken_token_service_is_named(server: Server, other: Server, script: Scripting) -> None:
    """The error after the last attempt names the token service, not only the registry, if that is what fails."""
    server.require("Bearer t1", challenge(other))
    other.on(f"GET {TOKEN}", script.reply(503))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"its token service {other.host}, which answered 503"):
            await registry.tags()
    assert len(other.lines) == ATTEMPTS


@pytest.mark.fault(7)
async def test_retry_after_in_seconds_is_respected(
    server: Server, script: Scripting, tags: Reply, waits: list[float]
) -> None:
    """A Retry-After in seconds is waited for, plus a random part, so that clients do not return together."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="20"), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 20 <= waits[0] <= 21


@pytest.mark.fault(7)
async def test_retry_after_as_a_date_is_respected(
    server: Server, script: Scripting, tags: Reply, waits: list[float]
) -> None:
    """A Retry-After as an HTTP date is waited for relative to the current time."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    server.on("GET tags/list", script.json({}, 429, Retry_After=date), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 25 <= waits[0] <= 31


@pytest.mark.fault(7)
@pytest.mark.parametrize("status", [400, 403, 429])
async def test_429_without_retry_after_is_retried(
    server: Server, script: Scripting, tags: Reply, waits: list[float], status: int
) -> None:
    """A 429 without Retry-After, or its code with another status, is retried after the session's own pause."""
    server.on("GET tags/list", script.error("TOOMANYREQUESTS", status), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 0.5 <= waits[0] <= 1


@pytest.mark.fault(7)
async def test_a_retry_after_beyond_the_bound_fails_at_once(
    server: Server, script: Scripting, waits: list[float]
) -> None:
    """A Retry-After beyond the limit of all pauses fails at once, and the error contains the requested pause."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="3600"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"asks to wait 3600 s \(attempt 1 of 6, waiting 60 s at most\)"):
            await registry.tags()
    assert waits == []


@pytest.mark.fault(7)
async def test_the_sum_of_all_pauses_is_bounded(server: Server, script: Scripting, waits: list[float]) -> None:
    """The pauses of all attempts together stay below their limit, so a Retry-After of 19 s is granted twice."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="19"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="attempt 3 of 6"):
            await registry.tags()
    assert sum(waits) <= 60


@pytest.mark.fault(8)
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_response_is_retried(
    server: Server, script: Scripting, tags: Reply, waits: list[float], broken: str
) -> None:
    """A request succeeds after two broken responses, with a longer pause before the second retry."""
    bad = script.reply(**BROKEN[broken])  # type: ignore[arg-type]  # one keyword for each way to break
    server.on("GET tags/list", bad, bad, tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 1.5


@pytest.mark.fault(8)
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_registry_that_stays_broken_is_unavailable(server: Server, script: Scripting, broken: str) -> None:
    """A registry that never sends a valid response fails after the last attempt and is not read as empty."""
    server.on("GET tags/list", script.reply(**BROKEN[broken]))  # type: ignore[arg-type]  # as above
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service .* .attempt 6 of 6"):
            await registry.tags()
    assert len(server.lines) == ATTEMPTS


@pytest.mark.fault(8)
async def test_a_registry_that_cannot_be_reached_is_unavailable(server: Server, script: Scripting) -> None:
    """A refused connection fails as RegistryUnavailable and names the repository."""
    server.close()
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service cannot be reached"):
            await registry.tags()


async def test_the_time_of_a_whole_call_is_bounded(server: Server, script: Scripting) -> None:
    """A call fails after the total time limit, however many requests and retries it needs."""
    server.on("GET tags/list", script.reply(stall=True))
    async with script.registry(server, total_seconds=0.05) as registry:
        with pytest.raises(RegistryUnavailable, match=r"took more than 0\.05 s"):
            await registry.tags()


@pytest.mark.parametrize("broken", [{"status": 403}, {"status": 503}, {"reset": True}, {"cut": True}])
async def test_an_error_contains_no_secret(
    server: Server, other: Server, script: Scripting, broken: dict[str, object]
) -> None:
    """Neither an error nor its traceback with local variables contains the password or the token."""
    other.on(f"GET {TOKEN}", script.json({"token": "canary-token"}))
    server.require("Bearer canary-token", challenge(other))
    server.on("GET tags/list", script.reply(**broken))  # type: ignore[arg-type]  # one keyword for each way to break
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryError) as failed:
            await registry.tags()
    shown = "".join(traceback.TracebackException.from_exception(failed.value, capture_locals=True).format())
    secrets = ["canary-token", script.login.password, script.basic.removeprefix("Basic ")]
    assert [secret for secret in [*secrets, base64.b64encode(b"canary-7f3a").decode()] if secret in shown] == []
