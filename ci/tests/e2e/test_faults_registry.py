"""A registry that fails, denies access or responds with nonsense to `latest-version`: a real one behind a proxy."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import pytest
from environment import PASSWORD, USERNAME, Environment, push_tags, start_environment
from tests.servers.fault_proxy import Action, Exchange, answers, asks_for, breaks_off, changes, resets
from tests.servers.loopback import Reply
from tests.servers.registry import TokenService, asks_for_basic, basic, registry_proxy

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
# Dagger's tunnel to a local service does not pass on that a connection was closed, so these two end at a time limit.
DROPPED: Final = ("reset", "cut")


@pytest.fixture
def tagged_env(env: Environment) -> Environment:
    """An environment whose registry needs no login and holds three versions."""
    push_tags(env.registry_address, env.image, "v1.0.9", "v1.0.10", "v1.0.8")
    return env


def count_listings(env: Environment) -> int:
    """Return the number of requests for tags."""
    return len([line for line in env.registry_proxy.lines if "/tags/list" in line])


@pytest.mark.fault(1)
def test_the_highest_of_250_tags_on_pages_of_100_is_found(tagged_env: Environment) -> None:
    """The highest version is found on a middle page, because tags are listed in lexical order."""
    push_tags(tagged_env.registry_address, tagged_env.image, *(f"v1.0.{number}" for number in range(1, 251)))
    tagged_env.registry_proxy.script(TAGS_LIST, asks_for("n=100"))
    call = tagged_env.latest_version()
    assert call.stdout.strip() == "v1.0.250", call.stderr
    assert count_listings(tagged_env) == 3


@pytest.mark.fault(2)
def test_a_listing_that_links_to_itself_is_rejected(tagged_env: Environment) -> None:
    """A tag listing whose next page is the same page fails after one request."""
    tagged_env.registry_proxy.script(TAGS_LIST, changes("Link", f'</v2/{tagged_env.image}/tags/list>; rel="next"'))
    call = tagged_env.latest_version()
    assert call.status != 0
    assert "does not end" in call.error
    assert count_listings(tagged_env) == 1


@pytest.mark.fault(2)
def test_an_endless_listing_is_rejected(tagged_env: Environment) -> None:
    """A tag listing that always links to another page fails after a thousand pages."""
    link = f'</v2/{tagged_env.image}/tags/list?last=a>; rel="next"'
    tagged_env.registry_proxy.script(TAGS_LIST, changes("Link", link))
    tagged_env.registry_proxy.script(NEXT_PAGE, link_to_another_page)
    call = tagged_env.latest_version()
    assert call.status != 0
    assert "does not end (page 1001)" in call.error
    assert count_listings(tagged_env) == 1000


def link_to_another_page(exchange: Exchange) -> Reply:
    """Pass a request on and add a link to a page that was not requested before."""
    path, _, query = exchange.request.target.partition("?")
    return changes("Link", f'<{path}?{query}a>; rel="next"')(exchange)


@pytest.mark.fault(2)
def test_a_link_to_another_host_is_not_followed(tagged_env: Environment, registry: str) -> None:
    """A tag listing that links to another host fails, and the other host receives no request."""
    with registry_proxy(registry) as other:
        link = f'<http://{other.address}/v2/{tagged_env.image}/tags/list?last=x>; rel="next"'
        tagged_env.registry_proxy.script(TAGS_LIST, changes("Link", link))
        call = tagged_env.latest_version()
    assert call.status != 0
    assert "leads to another host" in call.error
    assert other.lines == []


@pytest.mark.fault(5)
@pytest.mark.parametrize("act", [None, answers(200, b'{"name": "x", "tags": null}')], ids=["unknown", "no tags"])
def test_an_empty_repository_gets_the_first_version(env: Environment, act: Action | None) -> None:
    """A repository that does not exist (NAME_UNKNOWN) or has no tags has no latest version and gets v1.0.1 next."""
    if act:
        env.registry_proxy.script(TAGS_LIST, act)
    call = env.latest_version()
    assert (call.status, call.stdout.strip()) == (0, ""), call.stderr
    assert env.next_version() == "v1.0.1"


@pytest.mark.fault(6)
@pytest.mark.parametrize("wrong", ["password", "rights"])
def test_denied_access_to_the_registry_fails_at_once(registry: str, tmp_path: Path, wrong: str) -> None:
    """A wrong password (401) and missing rights (403) are errors after one request with the password."""
    expected = basic(USERNAME, PASSWORD if wrong == "rights" else "another")
    with start_environment(registry, tmp_path, asks_for_basic(expected)) as env:
        env.registry_proxy.script(TAGS_LIST, answers(403, b'{"errors": [{"code": "DENIED"}]}'))
        call = env.latest_version()
    assert call.status != 0
    assert call.stdout == ""
    assert "check the user name, the password" in call.error
    assert PASSWORD not in call.stdout + call.stderr
    assert count_listings(env) == 2  # without and with the password


@pytest.mark.fault(6)
@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_login_is_answered_with_the_password(registry: str, tmp_path: Path, scheme: str) -> None:
    """The right password gives access to a registry with basic authentication and to one with a token service."""
    tokens = TokenService(basic(USERNAME, PASSWORD))
    request_filter = tokens.filter if scheme == "bearer" else asks_for_basic(basic(USERNAME, PASSWORD))
    with start_environment(registry, tmp_path, request_filter) as env:
        push_tags(env.registry_address, env.image, "v1.0.3")
        assert env.latest_version().stdout.strip() == "v1.0.3"
    assert tokens.given == (scheme == "bearer")


@pytest.mark.fault(7)
@pytest.mark.parametrize("form", ["seconds", "date", "absent"])
def test_a_busy_registry_gets_another_request_after_a_pause(tagged_env: Environment, form: str) -> None:
    """After a 429 response, with either form of Retry-After (RFC 9110) or none, the tags are requested again."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
    busy = {
        "seconds": answers(429, Retry_After="2"),
        "date": answers(429, Retry_After=date),
        "absent": answers(429),
    }
    tagged_env.registry_proxy.script(TAGS_LIST, busy[form], times=1)
    call = tagged_env.latest_version()
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert count_listings(tagged_env) == 2


@pytest.mark.fault(7)
def test_a_registry_that_is_busy_for_an_hour_fails_at_once(tagged_env: Environment) -> None:
    """A Retry-After longer than a run waits is an error at once."""
    tagged_env.registry_proxy.script(TAGS_LIST, answers(429, Retry_After="3600"))
    began = time.monotonic()
    call = tagged_env.latest_version()
    assert time.monotonic() - began < 60
    assert call.status != 0
    assert "asks to wait 3600 s" in call.error
    assert count_listings(tagged_env) == 1


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.slow] * (how in DROPPED)) for how in BROKEN])
def test_a_broken_response_is_requested_again(tagged_env: Environment, how: str) -> None:
    """After two broken responses, the third request succeeds."""
    tagged_env.registry_proxy.script(TAGS_LIST, BROKEN[how], times=2)
    call = tagged_env.latest_version()
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert count_listings(tagged_env) == 3


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.slow] * (how != "html")) for how in BROKEN])
def test_a_registry_that_stays_broken_is_an_error(tagged_env: Environment, how: str) -> None:
    """After six broken responses, the call fails and names the registry; it is never taken for an empty one."""
    tagged_env.registry_proxy.script(TAGS_LIST, BROKEN[how])
    call = tagged_env.latest_version()
    assert call.status != 0
    assert call.stdout == ""
    assert f"/{tagged_env.image} " in call.error
    assert "attempt 6 of 6" in call.error
    assert count_listings(tagged_env) == 6
