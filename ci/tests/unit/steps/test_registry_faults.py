"""A registry that fails, denies access or answers with nonsense, as the search for the latest version meets it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.fault_proxy import Exchange, FaultProxy, answers, breaks_off, changes, resets
from tests.servers.loopback import Reply, Request
from tests.servers.registry import TokenService, asks_for_basic, basic, registry_proxy

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry, RegistryLogin, RetryPolicy
from stage_ci.errors import RegistryAccessDenied, RegistryError, RegistryUnavailable
from stage_ci.steps.remotes import Remotes
from stage_ci.steps.version import resolve_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.servers.fault_proxy import Action
    from tests.servers.git import GitRepository
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.release import ReleaseLine

# Starts a proxy with a filter of requests.
StartProxy = Callable[[Callable[[Request], Reply | None]], FaultProxy]

PATH: Final = "owner/service"
LOGIN: Final = RegistryLogin("someone", "canary-password-4be1")
TAGS_LIST: Final = r"^GET /v2/\S+/tags/list$"
NEXT_PAGE: Final = r"^GET /v2/\S+/tags/list\?"
BROKEN: Final = {
    "500": answers(500),
    "502": answers(502, b"<html>Bad Gateway</html>"),
    "503": answers(503),
    "reset": resets,
    "cut": breaks_off,
    "html": answers(200, b"<html>Sign in</html>", Content_Type="text/html"),
    "json": answers(200, b'{"name": "x", "tags": ["v1.0.7"'),
}


@pytest.fixture
def tagged_server(registry_server: RegistryServer) -> RegistryServer:
    """Return a registry that holds three versions."""
    for tag in ("v1.0.9", "v1.0.10", "v1.0.8"):
        registry_server.push(tag)
    return registry_server


@pytest.fixture
def start_proxy(registry_server: RegistryServer) -> Iterator[StartProxy]:
    """Return a function that starts a proxy in front of the registry."""
    with ExitStack() as proxies:
        yield lambda request_filter: proxies.enter_context(
            registry_proxy(f"127.0.0.1:{registry_server.port}", request_filter)
        )


@pytest.fixture
def proxy(start_proxy: StartProxy) -> FaultProxy:
    """Return a proxy in front of the registry that needs no login."""
    return start_proxy(lambda _: None)


@asynccontextmanager
async def connect(
    proxy: FaultProxy, login: RegistryLogin | None = LOGIN, pages: int = RetryPolicy().pages
) -> AsyncIterator[Registry]:
    """Connect to the registry behind a proxy, without the pauses before a retry."""

    async def sleep(_: float) -> None:
        """Do not wait."""

    policy = RetryPolicy(sleep=sleep, pages=pages)
    async with Registry(f"http://{proxy.address}", PATH, login, policy=policy) as registry:
        yield registry


async def latest_version(proxy: FaultProxy, line: ReleaseLine, login: RegistryLogin | None = LOGIN) -> str:
    """Return the highest version of the line, as `latest-version` prints it."""
    async with connect(proxy, login) as registry:
        return str(max(line.versions.select(await registry.tags()), default=""))


def count_listings(proxy: FaultProxy) -> int:
    """Return the number of requests for tags."""
    return len([line for line in proxy.lines if "/tags/list" in line])


@pytest.mark.fault(2)
@pytest.mark.usefixtures("tagged_server")
async def test_an_endless_listing_is_rejected(proxy: FaultProxy) -> None:
    """A tag listing that always links to another page fails after its bound, which is a thousand pages."""
    proxy.script(TAGS_LIST, changes("Link", f'</v2/{PATH}/tags/list?last=a>; rel="next"'))
    proxy.script(NEXT_PAGE, link_to_another_page)
    async with connect(proxy, pages=50) as registry:
        with pytest.raises(RegistryUnavailable, match=r"does not end \(page 51\)"):
            await registry.tags()
    assert count_listings(proxy) == 50
    assert RetryPolicy().pages == 1000


def link_to_another_page(exchange: Exchange) -> Reply:
    """Send an empty page with a link to a page that was not requested before."""
    path, _, query = exchange.request.target.partition("?")
    return Reply(200, b'{"tags": []}', {"Link": f'<{path}?{query}a>; rel="next"'})


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    "reply",
    [
        answers(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'),
        answers(200, b'{"name": "x", "tags": null}'),
        answers(200, b'{"name": "x", "tags": []}'),
    ],
    ids=["unknown", "null", "none"],
)
async def test_an_empty_repository_gets_the_first_version(
    proxy: FaultProxy, line: ReleaseLine, repository: GitRepository, reply: Action
) -> None:
    """A repository that does not exist (NAME_UNKNOWN) or has no tags has no latest version and gets v1.0.1 next."""
    proxy.script(TAGS_LIST, reply)
    assert not await latest_version(proxy, line)
    async with connect(proxy) as registry:
        remotes = Remotes(registry, Infrastructure(repository.url), Destination("127.0.0.1"))
        assert str((await resolve_version(None, remotes, line)).version) == "v1.0.1"


@pytest.mark.fault(6)
@pytest.mark.parametrize("wrong", ["password", "rights"])
async def test_denied_access_to_the_registry_fails_at_once(
    start_proxy: StartProxy, line: ReleaseLine, wrong: str
) -> None:
    """A wrong password (401) and missing rights (403) are errors after one request with the password."""
    expected = basic(LOGIN.username, LOGIN.password if wrong == "rights" else "another")
    proxy = start_proxy(asks_for_basic(expected))
    proxy.script(TAGS_LIST, answers(403, b'{"errors": [{"code": "DENIED"}]}'))
    with pytest.raises(RegistryAccessDenied, match="check the user name, the password") as denied:
        await latest_version(proxy, line)
    assert LOGIN.password not in str(denied.value)
    assert count_listings(proxy) == 2  # without and with the password


@pytest.mark.fault(6)
@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_login_is_answered_with_the_password(
    start_proxy: StartProxy,
    registry_server: RegistryServer,
    line: ReleaseLine,
    scheme: str,
) -> None:
    """The right password gives access to a registry with basic authentication and to one with a token service."""
    authorization = basic(LOGIN.username, LOGIN.password)
    tokens = TokenService(authorization)
    proxy = start_proxy(tokens.filter if scheme == "bearer" else asks_for_basic(authorization))
    registry_server.push("v1.0.3")
    assert await latest_version(proxy, line) == "v1.0.3"
    assert tokens.given == (scheme == "bearer")


@pytest.mark.fault(5)
async def test_a_registry_that_hides_a_missing_repository_gets_the_first_version(
    start_proxy: StartProxy, line: ReleaseLine, repository: GitRepository
) -> None:
    """A registry that answers 401 to a token for pull alone gets v1.0.1 from a login, and denies anonymous access."""
    proxy = start_proxy(TokenService(basic(LOGIN.username, LOGIN.password), hides=True).filter)
    proxy.script(TAGS_LIST, answers(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'))
    async with connect(proxy) as registry:
        remotes = Remotes(registry, Infrastructure(repository.url), Destination("127.0.0.1"))
        assert str((await resolve_version(None, remotes, line)).version) == "v1.0.1"
    with pytest.raises(RegistryAccessDenied, match="answered 401"):
        await latest_version(proxy, line, login=None)


@pytest.mark.fault(7)
@pytest.mark.parametrize("form", ["seconds", "date", "absent"])
@pytest.mark.usefixtures("tagged_server")
async def test_a_busy_registry_gets_another_request_after_a_pause(
    proxy: FaultProxy, line: ReleaseLine, form: str
) -> None:
    """After a 429 response, with either form of Retry-After (RFC 9110) or none, the tags are requested again."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
    busy = {
        "seconds": answers(429, Retry_After="2"),
        "date": answers(429, Retry_After=date),
        "absent": answers(429),
    }
    proxy.script(TAGS_LIST, busy[form], times=1)
    assert await latest_version(proxy, line) == "v1.0.10"
    assert count_listings(proxy) == 2


@pytest.mark.fault(7)
@pytest.mark.usefixtures("tagged_server")
async def test_a_registry_that_is_busy_for_an_hour_fails_at_once(proxy: FaultProxy, line: ReleaseLine) -> None:
    """A Retry-After longer than a run waits is an error at once."""
    proxy.script(TAGS_LIST, answers(429, Retry_After="3600"))
    began = time.monotonic()
    with pytest.raises(RegistryUnavailable, match="asks to wait 3600 s"):
        await latest_version(proxy, line)
    assert time.monotonic() - began < 60
    assert count_listings(proxy) == 1


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.usefixtures("tagged_server")
async def test_a_broken_response_is_requested_again(proxy: FaultProxy, line: ReleaseLine, how: str) -> None:
    """After two broken responses, the third request succeeds."""
    proxy.script(TAGS_LIST, BROKEN[how], times=2)
    assert await latest_version(proxy, line) == "v1.0.10"
    assert count_listings(proxy) == 3


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.usefixtures("tagged_server")
async def test_a_registry_that_stays_broken_is_an_error(proxy: FaultProxy, line: ReleaseLine, how: str) -> None:
    """After six broken responses, the search fails and names the registry; it is never taken for an empty one."""
    proxy.script(TAGS_LIST, BROKEN[how])
    with pytest.raises(RegistryUnavailable, match=rf"^registry: .*/{PATH} .*attempt 6 of 6"):
        await latest_version(proxy, line)
    assert count_listings(proxy) == 6


@pytest.mark.fault(6, 8)
@pytest.mark.parametrize("status", [401, 500])
async def test_the_status_of_a_registry_that_fails_is_in_the_error(line: ReleaseLine, status: int) -> None:
    """Without a login, a registry that answers 401 or 500 to everything is an error that names the status."""
    with FaultProxy(lambda _: Reply(status)) as broken, pytest.raises(RegistryError, match=rf"^registry: .*{status}"):
        await latest_version(broken, line, login=None)
