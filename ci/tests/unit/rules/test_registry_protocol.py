"""The meaning of a registry's responses."""

import json
import string
import time
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.protocol import (
    TransientError,
    api_host,
    describe,
    error_codes,
    is_denied,
    is_transient,
    is_unknown,
    json_object,
    next_page,
    retry_after,
    tag_list,
    upload_url,
)

PAGE = "https://registry.example/v2/owner/service/tags/list"
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
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


@pytest.mark.parametrize(
    ("registry", "host"),
    [("docker.io", "registry-1.docker.io"), ("ghcr.io", "ghcr.io"), ("localhost:5000", "localhost:5000")],
)
def test_docker_hub_has_another_api_host(registry: str, host: str) -> None:
    """The API host of docker.io is registry-1.docker.io; any other registry is its own API host."""
    assert api_host(registry) == host


def test_a_status_is_denied_or_transient() -> None:
    """401 and 403 deny access; 408, 429 and every 5xx may succeed on a retry."""
    assert list(filter(is_denied, range(100, 600))) == [401, 403]
    assert list(filter(is_transient, range(100, 600))) == [408, 429, *range(500, 600)]


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
    """The next page is read from relative and absolute links, quoted or not, and keeps scheme and host of its page."""
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
@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_next_page_on_another_host_is_rejected(target: str) -> None:
    """A next page with another host or port, or with credentials in its URL, is rejected."""
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


def test_a_tag_list_keeps_order_and_foreign_tags() -> None:
    """A tag list has the registry's order and includes tags that are not versions."""
    assert tag_list(b'{"name": "owner/service", "tags": ["latest", "v1.0.1"]}') == ["latest", "v1.0.1"]


@pytest.mark.fault(5)
@pytest.mark.parametrize("body", [b'{"tags": null}', b'{"tags": []}'])
def test_null_and_an_empty_list_are_no_tags(body: bytes) -> None:
    """Both null, which Go writes for an empty list, and an empty list mean that there are no tags."""
    assert tag_list(body) == []


@pytest.mark.fault(8)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"tags": ["v1.0.1"',
        b"{}",
        b"[]",
        b"null",
        b'"tags"',
        b'{"tags": "v1.0.1"}',
        b'{"tags": {"v1.0.1": 1}}',
        b'{"tags": ["v1.0.1", 2]}',
        b'{"tags": false}',
        b'{"tags": 0}',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"errors": [{"code": "NAME_UNKNOWN"}]}',
    ],
)
def test_an_invalid_tag_list_is_an_error(body: bytes) -> None:
    """A truncated body, a proxy's page or a JSON value of another shape is an error, not an empty tag list."""
    with pytest.raises(TransientError, match="sent something other than a tag list"):
        tag_list(body)


@given(st.binary(max_size=60))
def test_any_body_is_a_tag_list_or_an_error(body: bytes) -> None:
    """Any body gives a list or TransientError, and no other exception."""
    with suppress(TransientError):
        assert isinstance(tag_list(body), list)


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("9" * 400, 86_400),
        ("Mon, 04 May 2026 12:00:30 GMT", 30),
        ("Monday, 04-May-26 12:00:30 GMT", 30),
        ("Mon, 04 May 2026 12:00:30 -0000", 30),
        ("Mon, 04 May 2026 11:00:00 GMT", 0),
        ("Mon, 04 May 2099 12:00:00 GMT", 86_400),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Mon, 99 May 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """Retry-After is read in seconds or as a date, from zero to one day; an invalid value is ignored."""
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40) | st.text("0123456789 :,-+GMTonMayepJn", max_size=40))
def test_any_retry_after_is_a_bounded_time_or_none(header: str) -> None:
    """Any Retry-After gives a time from zero to one day or None, and no exception."""
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def errors(*codes: object) -> bytes:
    """Return the body of an error response."""
    return json.dumps({"errors": [{"code": code, "message": "canary", "detail": {}} for code in codes]}).encode()


def test_an_error_response_is_described_by_its_codes() -> None:
    """An error response is described by its codes only, because its messages may repeat a secret."""
    assert error_codes(errors("NAME_UNKNOWN", "DENIED")) == ["NAME_UNKNOWN", "DENIED"]
    assert describe(404, errors("NAME_UNKNOWN")) == "answered 404 (NAME_UNKNOWN)"
    assert describe(400, errors("A", "B", "C", "D")) == "answered 400 (A, B, C)"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"errors": null}', b'{"errors": ["A"]}', errors(None, 1, "a", "A B", "A" * 65)],
)
def test_a_response_without_codes_is_described_by_its_status(body: bytes) -> None:
    """A response without valid error codes is described by its status, and nothing of its body is shown."""
    assert describe(502, body) == "answered 502"


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        (errors("NAME_UNKNOWN"), True),
        (errors("MANIFEST_UNKNOWN"), True),
        (errors("NOT_FOUND"), True),
        (errors("BLOB_UNKNOWN"), False),
        (errors("DENIED"), False),
        (b"", False),
        (b"<html>Not Found</html>", False),
    ],
)
def test_only_an_error_code_means_unknown(*, body: bytes, unknown: bool) -> None:
    """A repository or image manifest is unknown only if an error code reports it, not for a proxy's 404 page."""
    assert is_unknown(body) is unknown


def test_the_error_about_an_invalid_json_object_names_what_was_expected() -> None:
    """The error about an invalid JSON object names the object that was expected."""
    with pytest.raises(TransientError, match="sent something other than a manifest"):
        json_object(b"1", "a manifest")


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
