"""Who asks a registry and how often, shown with real HTTP servers on the loopback interface."""

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
TOKEN: Final = "/token?service=registry&scope=repository%3Aowner%2Fservice%3Apull"  # noqa: S105 - an address
BROKEN: Final = {
    "500": {"status": 500},
    "502": {"status": 502, "body": b"<html>Bad Gateway</html>"},
    "503": {"status": 503},
    "reset": {"reset": True},
    "cut": {"cut": True},
    "html": {"body": b"<html>Sign in</html>"},
    "json": {"body": b'{"tags": ["v1.0.1"'},
    "shape": {"body": b'{"tags": {"v1.0.1": null}}'},
    "errors": {"body": b'{"errors": []}'},
}


def challenge(realm: Server) -> str:
    """Return the header with which a registry sends its callers to a token service."""
    return f'Bearer realm="{realm.url}/token",service="registry",scope="repository:owner/service:pull"'


@pytest.fixture
def tags(script: Scripting) -> Reply:
    """Return a good answer to a listing."""
    return script.json({"tags": ["v1.0.1"]})


@pytest.mark.fault(6)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_not_asked_again(server: Server, script: Scripting, waits: list[float], status: int) -> None:
    """Refused is refused, not "empty" and not "later"."""
    server.on("GET tags/list", script.error("DENIED", status))
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(RegistryAccessDenied, match=rf"{server.host}/owner/service answered {status} \(DENIED\)"):
            await registry.tags()
    assert (len(server.log), waits) == (1, [])


@pytest.mark.fault(6)
async def test_a_bad_password_is_sent_once(server: Server, script: Scripting, waits: list[float]) -> None:
    """A second try would only lock the account."""
    server.demand("Basic of somebody else", 'Basic realm="registry"')
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert ([asked.authorization for asked in server.asked], waits) == (["", script.basic], [])


@pytest.mark.fault(6)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_service_that_refuses_is_asked_once(
    server: Server, other: Server, script: Scripting, status: int
) -> None:
    """Docker Hub checks passwords at its token service."""
    server.demand("Bearer t1", challenge(other))
    other.on(f"GET {TOKEN}", script.error("UNAUTHORIZED", status))
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(
            RegistryAccessDenied, match=rf"its token service {other.host} answered {status} \(UNAUTHORIZED\)"
        ):
            await registry.tags()
    assert (len(server.log), len(other.log)) == (1, 1)


async def test_nobody_in_particular_sends_no_password(server: Server, script: Scripting) -> None:
    """Without credentials a registry that wants a password has refused."""
    server.demand(script.basic, "Basic")
    async with script.registry(server) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert len(server.log) == 1


async def test_a_password_is_asked_for_once(server: Server, script: Scripting, tags: Reply) -> None:
    """The second question brings it along."""
    server.demand(script.basic, "Basic")
    server.on("GET tags/list", tags)
    async with script.registry(server, script.credentials) as registry:
        assert await registry.tags() == await registry.tags() == ["v1.0.1"]
    assert [asked.authorization for asked in server.asked] == ["", script.basic, script.basic]


@pytest.mark.parametrize("named", [False, True], ids=["anonymous", "credentials"])
async def test_the_password_goes_to_the_token_service_only(
    server: Server, other: Server, script: Scripting, tags: Reply, *, named: bool
) -> None:
    """The registry sees the token and nothing that it was bought with."""
    server.demand("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}))
    async with script.registry(server, script.credentials if named else None) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert [asked.authorization for asked in server.asked] == ["", "Bearer t1"]
    assert [asked.authorization for asked in other.asked] == [script.basic if named else ""]


@pytest.mark.fault(9)
async def test_an_expired_token_is_replaced_once(server: Server, other: Server, script: Scripting, tags: Reply) -> None:
    """A token that ran out between two questions costs one more."""
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}), script.json({"access_token": "t2"}))
    server.demand("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    async with script.registry(server, script.credentials) as registry:
        await registry.tags()
        server.demand("Bearer t2", challenge(other))
        assert await registry.tags() == ["v1.0.1"]
    assert len(other.log) == 2


@pytest.mark.fault(9)
async def test_a_fresh_token_that_is_refused_is_not_replaced(server: Server, other: Server, script: Scripting) -> None:
    """Replaced once, not until it works."""
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}))
    server.demand("Bearer t2", challenge(other))
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(RegistryAccessDenied, match="answered 401"):
            await registry.tags()
    assert (len(server.log), len(other.log)) == (2, 1)


@pytest.mark.parametrize("token", [{}, {"token": ""}, {"token": "t1\r\nX: y"}, {"token": 1}, []])
async def test_a_token_service_without_a_token_is_asked_again(
    server: Server, other: Server, script: Scripting, tags: Reply, token: object
) -> None:
    """What is no token is never sent."""
    other.on(f"GET {TOKEN}", script.json(token), script.reply(503), script.json({"token": "t1"}))
    server.demand("Bearer t1", challenge(other))
    server.on("GET tags/list", tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_a_missing_token_service_is_named(server: Server, other: Server, script: Scripting) -> None:
    """A 404 of the token service says nothing about the repository."""
    server.demand("Bearer t1", challenge(other))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"its token service {other.host} answered 404"):
            await registry.tags()


async def test_a_token_service_that_stays_broken_is_named(server: Server, other: Server, script: Scripting) -> None:
    """Whoever reads the error looks at the right host."""
    server.demand("Bearer t1", challenge(other))
    other.on(f"GET {TOKEN}", script.reply(503))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"its token service {other.host}, which answered 503"):
            await registry.tags()
    assert len(other.log) == ATTEMPTS


@pytest.mark.fault(7)
async def test_retry_after_in_seconds_is_waited(
    server: Server, script: Scripting, tags: Reply, waits: list[float]
) -> None:
    """As long as asked and a little more, so that callers do not return together."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="20"), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 20 <= waits[0] <= 21


@pytest.mark.fault(7)
async def test_retry_after_as_a_date_is_waited(
    server: Server, script: Scripting, tags: Reply, waits: list[float]
) -> None:
    """The date is compared with now."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    server.on("GET tags/list", script.json({}, 429, Retry_After=date), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 25 <= waits[0] <= 31


@pytest.mark.fault(7)
async def test_too_many_requests_without_retry_after_is_asked_again(
    server: Server, script: Scripting, tags: Reply, waits: list[float]
) -> None:
    """The pause is then the pipeline's own."""
    server.on("GET tags/list", script.error("TOOMANYREQUESTS", 429), tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 0.5 <= waits[0] <= 1


@pytest.mark.fault(7)
async def test_a_retry_after_beyond_the_bound_fails_at_once(
    server: Server, script: Scripting, waits: list[float]
) -> None:
    """Nobody waits an hour to hear that it failed, and the message says what was asked."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="3600"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"asks to wait 3600 s \(attempt 1 of 6, waiting 60 s at most\)"):
            await registry.tags()
    assert waits == []


@pytest.mark.fault(7)
async def test_waits_are_bounded_together(server: Server, script: Scripting, waits: list[float]) -> None:
    """A registry that asks for twenty seconds each time is given three of them, not six."""
    server.on("GET tags/list", script.json({}, 429, Retry_After="19"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="attempt 3 of 6"):
            await registry.tags()
    assert sum(waits) <= 60


@pytest.mark.fault(8)
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_answer_is_asked_for_again(
    server: Server, script: Scripting, tags: Reply, waits: list[float], broken: str
) -> None:
    """Twice broken, then whole, with a longer pause the second time."""
    bad = script.reply(**BROKEN[broken])  # type: ignore[arg-type]  # one keyword for each way to break
    server.on("GET tags/list", bad, bad, tags)
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 1.5


@pytest.mark.fault(8)
@pytest.mark.parametrize("broken", BROKEN)
async def test_a_registry_that_stays_broken_is_named(server: Server, script: Scripting, broken: str) -> None:
    """After the last attempt it fails, and is never taken for empty."""
    server.on("GET tags/list", script.reply(**BROKEN[broken]))  # type: ignore[arg-type]  # as above
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service .* .attempt 6 of 6"):
            await registry.tags()
    assert len(server.log) == ATTEMPTS


@pytest.mark.fault(8)
async def test_a_registry_that_cannot_be_reached_is_named(server: Server, script: Scripting) -> None:
    """Nobody listens."""
    server.close()
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service cannot be reached"):
            await registry.tags()


async def test_everything_together_is_bounded(server: Server, script: Scripting) -> None:
    """However many questions a listing takes."""
    server.on("GET tags/list", script.reply(stall=True))
    async with script.registry(server, total_seconds=0.05) as registry:
        with pytest.raises(RegistryUnavailable, match=r"took more than 0\.05 s"):
            await registry.tags()


@pytest.mark.parametrize("broken", [{"status": 403}, {"status": 503}, {"reset": True}, {"cut": True}])
async def test_no_secret_is_in_an_error(
    server: Server, other: Server, script: Scripting, broken: dict[str, object]
) -> None:
    """Neither its text nor its traceback with all local variables tells the password or the token."""
    other.on(f"GET {TOKEN}", script.json({"token": "canary-token"}))
    server.demand("Bearer canary-token", challenge(other))
    server.on("GET tags/list", script.reply(**broken))  # type: ignore[arg-type]  # one keyword for each way to break
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(RegistryError) as failed:
            await registry.tags()
    told = "".join(traceback.TracebackException.from_exception(failed.value, capture_locals=True).format())
    secrets = ["canary-token", script.credentials.password, script.basic.removeprefix("Basic ")]
    assert [secret for secret in [*secrets, base64.b64encode(b"canary-7f3a").decode()] if secret in told] == []
