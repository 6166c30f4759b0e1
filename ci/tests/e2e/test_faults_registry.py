"""A registry that lies, refuses or breaks off, asked for its versions: the real one behind a scripted proxy."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.servers.fault_proxy import Action, Exchange, answers, asks_for, breaks_off, changes, resets
from tests.servers.loopback import Reply
from tests.servers.registry import TokenService, asks_for_basic, basic, registry_proxy
from user import tagged
from world import PASSWORD, USERNAME, World, world

LISTING = r"^GET /v2/\S+/tags/list$"
NEXT_PAGE = r"^GET /v2/\S+/tags/list\?"
BROKEN = {
    "500": answers(500),
    "502": answers(502, b"<html>Bad Gateway</html>"),
    "503": answers(503),
    "reset": resets,
    "cut": breaks_off,
    "html": answers(200, b"<html>Sign in</html>", Content_Type="text/html"),
    "json": answers(200, b'{"name": "x", "tags": ["v1.0.7"'),
}
# Dagger's way to a server of this machine hands no closed connection on: here they look like silence, and last as long.
LINES = ("reset", "cut")


@pytest.fixture
def three(own: World) -> World:
    """A registry that anybody may read, with three versions."""
    tagged(own.behind, own.image, "v1.0.9", "v1.0.10", "v1.0.8")
    return own


def listings(own: World) -> int:
    """Return how often tags were asked for."""
    return len([line for line in own.registry.lines if "/tags/list" in line])


@pytest.mark.fault(1)
def test_the_highest_of_250_tags_behind_pages_of_100(three: World) -> None:
    """Every page is read: tags come in the order of their letters, so the highest number is on none of the ends."""
    tagged(three.behind, three.image, *(f"v1.0.{number}" for number in range(1, 251)))
    three.registry.script(LISTING, asks_for("n=100"))
    call = three.call("latest-version")
    assert call.stdout.strip() == "v1.0.250", call.stderr
    assert listings(three) == 3


@pytest.mark.fault(2)
def test_a_listing_that_leads_to_itself_ends(three: World) -> None:
    """The second look at the same page is the last."""
    three.registry.script(LISTING, changes("Link", f'</v2/{three.image}/tags/list>; rel="next"'))
    call = three.call("latest-version")
    assert call.status != 0
    assert "does not end" in call.error
    assert listings(three) == 1


@pytest.mark.fault(2)
def test_a_listing_that_never_ends_is_left(three: World) -> None:
    """A thousand pages, each of them another address."""
    three.registry.script(LISTING, changes("Link", f'</v2/{three.image}/tags/list?last=a>; rel="next"'))
    three.registry.script(NEXT_PAGE, leads_on)
    call = three.call("latest-version")
    assert call.status != 0
    assert "does not end (page 1001)" in call.error
    assert listings(three) == 1000


def leads_on(exchange: Exchange) -> Reply:
    """Give one more page than there was."""
    path, _, query = exchange.request.target.partition("?")
    return changes("Link", f'<{path}?{query}a>; rel="next"')(exchange)


@pytest.mark.fault(2)
def test_the_password_follows_no_link_to_another_host(three: World, registry: str) -> None:
    """The other host is not asked at all."""
    with registry_proxy(registry) as other:
        link = f'<http://{other.address}/v2/{three.image}/tags/list?last=x>; rel="next"'
        three.registry.script(LISTING, changes("Link", link))
        call = three.call("latest-version")
    assert call.status != 0
    assert "leads to another host" in call.error
    assert other.lines == []


@pytest.mark.fault(5)
@pytest.mark.parametrize("act", [None, answers(200, b'{"name": "x", "tags": null}')])
def test_an_empty_repository_has_a_first_version(registry: str, tmp_path: Path, act: Action | None) -> None:
    """The real registry says NAME_UNKNOWN of a repository that does not exist; others list nothing."""
    with world(registry, tmp_path) as empty:
        if act:
            empty.registry.script(LISTING, act)
        call = empty.call("latest-version")
        assert (call.status, call.stdout.strip()) == (0, ""), call.stderr
        assert empty.next_version() == "v1.0.1"


@pytest.mark.fault(6)
@pytest.mark.parametrize("wrong", ["password", "rights"])
def test_who_is_refused_is_told_at_once(registry: str, tmp_path: Path, wrong: str) -> None:
    """401 to a wrong password and 403 to a known user are asked once more at most, and are no empty registry."""
    expected = basic(USERNAME, PASSWORD if wrong == "rights" else "another")
    with world(registry, tmp_path, asks_for_basic(expected)) as own:
        own.registry.script(LISTING, answers(403, b'{"errors": [{"code": "DENIED"}]}'))
        call = own.call("latest-version")
    assert call.status != 0
    assert call.stdout == ""
    assert "check the user name, the password" in call.error
    assert PASSWORD not in call.stdout + call.stderr
    assert listings(own) == 2  # without and with the password


@pytest.mark.fault(6)
def test_a_password_is_given_where_it_is_asked_for(registry: str, tmp_path: Path) -> None:
    """Basic and bearer: the real registry is reached with the right one."""
    tokens = TokenService(basic(USERNAME, PASSWORD))
    filters = {"basic": asks_for_basic(basic(USERNAME, PASSWORD)), "bearer": tokens.filter}
    for kind, request_filter in filters.items():
        with world(registry, tmp_path / kind, request_filter) as own:
            tagged(own.behind, own.image, "v1.0.3")
            assert own.call("latest-version").stdout.strip() == "v1.0.3"
    assert tokens.given == 1


@pytest.mark.fault(7)
@pytest.mark.parametrize("form", ["seconds", "date", "absent"])
def test_a_registry_that_is_busy_is_waited_for(three: World, form: str) -> None:
    """Two seconds, in the two forms of RFC 9110 and in none."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
    busy = {
        "seconds": answers(429, Retry_After="2"),
        "date": answers(429, Retry_After=date),
        "absent": answers(429),
    }
    three.registry.script(LISTING, busy[form], times=1)
    call = three.call("latest-version")
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert listings(three) == 2


@pytest.mark.fault(7)
def test_a_registry_that_is_busy_for_too_long_is_not_waited_for(three: World) -> None:
    """An hour is more than a run gives."""
    three.registry.script(LISTING, answers(429, Retry_After="3600"))
    start = time.monotonic()
    call = three.call("latest-version")
    assert time.monotonic() - start < 60
    assert call.status != 0
    assert "asks to wait 3600 s" in call.error
    assert listings(three) == 1


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.long] * (how in LINES)) for how in BROKEN])
def test_a_registry_that_breaks_off_is_asked_again(three: World, how: str) -> None:
    """Twice broken, then whole."""
    three.registry.script(LISTING, BROKEN[how], times=2)
    call = three.call("latest-version")
    assert call.stdout.strip() == "v1.0.10", call.stderr
    assert listings(three) == 3


@pytest.mark.fault(8)
@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.long] * (how != "html")) for how in BROKEN])
def test_a_registry_that_stays_broken_is_an_error(three: World, how: str) -> None:
    """Six times, and the registry is named; never `first version`."""
    three.registry.script(LISTING, BROKEN[how])
    call = three.call("latest-version")
    assert call.status != 0
    assert call.stdout == ""
    assert f"/{three.image} " in call.error
    assert "attempt 6 of 6" in call.error
    assert listings(three) == 6
