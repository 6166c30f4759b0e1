"""A registry that fails, denies access or responds with nonsense to `latest-version`: a real one behind a proxy.

`tests/unit/steps/test_registry_faults.py` has every kind of response without an engine.
"""

import time
from pathlib import Path
from typing import Final

import pytest
from environment import PASSWORD, USERNAME, Environment, start_environment
from real_registry import push_tags
from tests.servers.fault_proxy import Action, answers, asks_for, breaks_off, changes, resets
from tests.servers.registry import asks_for_basic, basic, registry_proxy

TAGS_LIST: Final = r"^GET /v2/\S+/tags/list$"
UNAVAILABLE: Final = answers(503)
SIGN_IN_PAGE: Final = answers(200, b"<html>Sign in</html>", Content_Type="text/html")
# Dagger's tunnel to a local service does not pass on that a connection was closed, so these two end at a time limit.
DROPPED: Final = [pytest.param(resets, id="reset"), pytest.param(breaks_off, id="cut")]


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


@pytest.mark.slow
@pytest.mark.fault(2)
def test_a_listing_that_links_to_itself_is_rejected(tagged_env: Environment) -> None:
    """A tag listing whose next page is the same page fails after one request."""
    tagged_env.registry_proxy.script(TAGS_LIST, changes("Link", f'</v2/{tagged_env.image}/tags/list>; rel="next"'))
    call = tagged_env.latest_version()
    assert call.status != 0
    assert "does not end" in call.error
    assert count_listings(tagged_env) == 1


@pytest.mark.slow
@pytest.mark.fault(2)
def test_a_link_to_another_host_is_not_followed(tagged_env: Environment, registry: str) -> None:
    """Of a link to another host, the query is requested from the registry; the other host receives no request."""
    with registry_proxy(registry) as other:
        link = f'<http://{other.address}/v2/{tagged_env.image}/tags/list?last=x>; rel="next"'
        tagged_env.registry_proxy.script(TAGS_LIST, changes("Link", link))
        call = tagged_env.latest_version()
    assert call.status == 0, call.stderr
    assert count_listings(tagged_env) == 2
    assert other.lines == []


@pytest.mark.slow
@pytest.mark.fault(5)
def test_an_empty_repository_gets_the_first_version(env: Environment) -> None:
    """A repository that does not exist (NAME_UNKNOWN) has no latest version and gets v1.0.1 next."""
    call = env.latest_version()
    assert (call.status, call.stdout.strip()) == (0, ""), call.stderr
    assert env.next_version() == "v1.0.1"


@pytest.mark.fault(6)
def test_denied_access_to_the_registry_fails_at_once(registry: str, tmp_path: Path) -> None:
    """A wrong password (401) is an error after one request with it."""
    with start_environment(registry, tmp_path, asks_for_basic(basic(USERNAME, "another"))) as env:
        call = env.latest_version()
    assert call.status != 0
    assert call.stdout == ""
    assert "check the user name, the password" in call.error
    assert PASSWORD not in call.stdout + call.stderr
    assert count_listings(env) == 2  # without and with the password


@pytest.mark.fault(7)
def test_a_busy_registry_gets_another_request_after_a_pause(tagged_env: Environment) -> None:
    """After a 429 response with Retry-After (RFC 9110), the tags are requested again."""
    tagged_env.registry_proxy.script(TAGS_LIST, answers(429, Retry_After="2"), times=1)
    call = tagged_env.latest_version()
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert count_listings(tagged_env) == 2


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.fault(8)
@pytest.mark.parametrize("act", [pytest.param(UNAVAILABLE, id="503"), *DROPPED])
def test_a_broken_response_is_requested_again(tagged_env: Environment, act: Action) -> None:
    """After two broken responses, the third request succeeds."""
    tagged_env.registry_proxy.script(TAGS_LIST, act, times=2)
    call = tagged_env.latest_version()
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert count_listings(tagged_env) == 3


@pytest.mark.slow
@pytest.mark.fault(8)
@pytest.mark.parametrize("act", [pytest.param(SIGN_IN_PAGE, id="html"), *DROPPED])
def test_a_registry_that_stays_broken_is_an_error(tagged_env: Environment, act: Action) -> None:
    """After six broken responses, the call fails and names the registry; it is never taken for an empty one."""
    tagged_env.registry_proxy.script(TAGS_LIST, act)
    call = tagged_env.latest_version()
    assert call.status != 0
    assert call.stdout == ""
    assert f"/{tagged_env.image} " in call.error
    assert "attempt 6 of 6" in call.error
    assert count_listings(tagged_env) == 6
