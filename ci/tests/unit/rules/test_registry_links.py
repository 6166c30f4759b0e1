"""Links to the next page of a tag list, and the locations of uploads."""

import string
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.links import next_page, upload_url
from stage_ci.rules.registry.protocol import TransientError

PAGE = "https://registry.example/v2/owner/service/tags/list"
DIGEST = Digest.parse("sha256:" + "0" * 64)
ELSEWHERE = [
    "https://evil.example/v2/owner/service/tags/list",
    "ftp://registry.example/v2/owner/service/tags/list",
    "http://registry.example:5000/v2/owner/service/tags/list",
    "https://registry.example:5000/v2/owner/service/tags/list",
    "//evil.example/tags/list",
    "https://registry.example@evil.example/tags/list",
    "https://robot:password@registry.example/tags/list",
    "https://registry.example.evil.example/tags/list",
    "file:///etc/passwd",
    "https://registry.example:port/tags/list",
    "https://[/tags/list",
]


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    "header",
    [
        '</v2/owner/service/tags/list?last=b&n=100>; rel="next"',
        "</v2/owner/service/tags/list?last=b&n=100>; rel=next",
        "</v2/owner/service/tags/list?last=b&n=100>;REL=Next",
        "<list?last=b&n=100> ; rel = next",
        '<?last=b&n=100>; title="a, b; rel=prev"; rel="start next"',
        '</v2/>; rel="start", <?last=b&n=100>; rel="next"; rel="prev",',
        "<https://registry.example:443/v2/owner/service/tags/list?last=b&n=100>; rel=next",
        "<https://REGISTRY.example/v2/owner/service/tags/list?last=b&n=100>; rel=next",
        "<http://registry.example/v2/owner/service/tags/list?last=b&n=100>; rel=next",
        "<http://registry.example:80/v2/owner/service/tags/list?last=b&n=100>; rel=next",
    ],
)
def test_the_next_page_is_read_from_the_link_header(header: str) -> None:
    """The next page is read from relative and absolute links, quoted or not, and keeps the address of the first one."""
    page = next_page([header], PAGE)
    assert page is not None
    assert page == f"{PAGE}?last=b&n=100"


@pytest.mark.parametrize("headers", [[], [""], ["</v2/>; rel=start"], ["</v2/>"], ['</v2/>; title="next"; rel']])
def test_a_page_without_a_next_link_is_the_last(headers: list[str]) -> None:
    """A page whose Link headers have no relation `next` is the last one."""
    assert next_page(headers, PAGE) is None


def test_the_next_page_may_be_in_a_second_header() -> None:
    """The next page may be in a second Link header, because a list may span headers (RFC 9110, 5.3)."""
    assert next_page(["</v2/>; rel=start", "<?last=b>; rel=next"], PAGE) == f"{PAGE}?last=b"
    assert next_page(["</v2/>; rel=first, </v2/?n=1>; rel=prev, <?last=b>;rel=next, <?c>; rel=last"], PAGE) == (
        f"{PAGE}?last=b"
    )


@pytest.mark.parametrize(
    "header",
    [
        "/v2/owner/service/tags/list?last=b; rel=next",
        '<?last=b>; rel="next',
        "<?last=b; rel=next",
        "<a> <b>; rel=next",
        "<" * 9_000,
    ],
)
def test_an_invalid_link_is_not_the_last_page(header: str) -> None:
    """An invalid Link header is an error, because an incomplete tag list would give a version that exists."""
    with pytest.raises(TransientError, match="sent an invalid Link header"):
        next_page([header], PAGE)


@pytest.mark.parametrize("header", ["<a>;" + " " * 8_000, '<a>;b="' * 1_000, "<a>; b " * 1_000, "<a>" * 1_000_000])
def test_a_hostile_link_is_rejected_quickly(header: str) -> None:
    """A Link header that is made to slow down the parser is rejected within a second."""
    start = time.perf_counter()
    with pytest.raises(TransientError):
        next_page([header], PAGE)
    assert time.perf_counter() - start < 1


@pytest.mark.fault(2)
@pytest.mark.parametrize("target", [*ELSEWHERE[:-2], "/v2/service/tags/list", "//inner:5000", "", "../x#fragment"])
def test_of_a_next_page_only_the_query_is_taken(target: str) -> None:
    """A link of a gateway or of Artifactory, with another scheme, host, port or path, leads to the own address."""
    address, _, fragment = target.partition("#")
    assert next_page([f"<{address}?last=b&n=100#{fragment}>; rel=next"], PAGE) == f"{PAGE}?last=b&n=100"


@pytest.mark.fault(2)
@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_next_page_on_another_host_without_a_query_is_rejected(target: str) -> None:
    """A next page with another host or port, or with credentials in its URL, is rejected if it has no query."""
    with pytest.raises(RegistryUnavailable, match=r"the tag listing of registry\.example leads to another host"):
        next_page([f"<{target}>; rel=next"], PAGE)


@pytest.mark.fault(2)
@given(st.text(string.printable, max_size=80))
@example("<//evil.example>;rel=next")
def test_the_next_page_of_any_link_is_on_the_same_host(header: str) -> None:
    """Any Link header gives a URL on the same host, None, or an error."""
    try:
        page = next_page([header], PAGE)
    except (TransientError, RegistryUnavailable):
        return
    assert page is None or urlsplit(page)[:2] == urlsplit(PAGE)[:2]


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/a/blobs/uploads/1", f"https://registry.example/v2/a/blobs/uploads/1?digest={DIGEST}"),
        ("/v2/a/blobs/uploads/1?s=2", f"https://registry.example/v2/a/blobs/uploads/1?s=2&digest={DIGEST}"),
        ("https://registry.example/u", f"https://registry.example/u?digest={DIGEST}"),
        ("http://registry.example/u", f"https://registry.example/u?digest={DIGEST}"),
    ],
)
def test_the_upload_url_keeps_the_query_of_its_location(location: str, url: str) -> None:
    """The upload URL is the Location header with its own query and the digest."""
    assert upload_url(location, "https://registry.example/v2/a/blobs/uploads/", DIGEST) == url


@pytest.mark.parametrize("location", ELSEWHERE)
def test_an_upload_to_another_host_is_rejected(location: str) -> None:
    """An upload location with another host or port, or with credentials in its URL, is rejected."""
    with pytest.raises(RegistryUnavailable, match=r"the upload of registry\.example leads to another host"):
        upload_url(location, PAGE, DIGEST)


@pytest.mark.parametrize("location", [None, ""])
def test_an_upload_without_a_location_is_transient(location: str | None) -> None:
    """An opened upload without a Location header is an error that is retried."""
    with pytest.raises(TransientError, match="opened an upload without a Location header"):
        upload_url(location, PAGE, DIGEST)
