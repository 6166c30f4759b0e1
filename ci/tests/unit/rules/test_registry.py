"""What a registry's answers mean."""

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
from stage_ci.rules.registry import (
    TransientError,
    api_host,
    describe,
    error_codes,
    is_refused,
    is_transient,
    json_object,
    next_page,
    retry_after,
    says_unknown,
    tag_list,
    upload_address,
)

PAGE = "https://registry.example/v2/owner/service/tags/list"
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
DIGEST = Digest.parse("sha256:" + "0" * 64)
ELSEWHERE = [
    "https://evil.example/v2/owner/service/tags/list",
    "http://registry.example/v2/owner/service/tags/list",
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
def test_docker_hub_answers_at_another_host_than_its_name(registry: str, host: str) -> None:
    """Every other registry answers where its name says."""
    assert api_host(registry) == host


def test_a_status_is_final_or_worth_another_try() -> None:
    """Refusals are never asked again; overload and the server's own errors are."""
    assert list(filter(is_refused, range(100, 600))) == [401, 403]
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
    ],
)
def test_the_next_page_is_read_out_of_a_link(header: str) -> None:
    """Relative or absolute, quoted or not, first or not."""
    page = next_page([header], PAGE)
    assert page is not None
    assert page.replace(":443", "").lower() == f"{PAGE}?last=b&n=100"


@pytest.mark.parametrize("headers", [[], [""], ["</v2/>; rel=start"], ["</v2/>"], ['</v2/>; title="next"; rel']])
def test_the_last_page_has_no_next_one(headers: list[str]) -> None:
    """Other relations lead elsewhere."""
    assert next_page(headers, PAGE) is None


def test_the_next_page_may_stand_in_a_second_header() -> None:
    """A list may be spread over headers (RFC 9110, 5.3)."""
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
def test_a_link_that_cannot_be_read_is_not_the_last_page(header: str) -> None:
    """Half a listing would give a version that exists."""
    with pytest.raises(TransientError, match="sent a Link header that cannot be read"):
        next_page([header], PAGE)


@pytest.mark.parametrize("header", ["<a>;" + " " * 8_000, '<a>;b="' * 1_000, "<a>; b " * 1_000, "<a>" * 1_000_000])
def test_a_hostile_link_takes_no_time(header: str) -> None:
    """The pattern looks at headers of a bounded length, one link after the other."""
    start = time.perf_counter()
    with pytest.raises(TransientError):
        next_page([header], PAGE)
    assert time.perf_counter() - start < 1


@pytest.mark.fault(2)
@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_listing_does_not_lead_to_another_host(target: str) -> None:
    """Another scheme or port is another host; credentials in an address are somebody else's."""
    with pytest.raises(RegistryUnavailable, match=r"the tag listing of registry\.example leads to another host"):
        next_page([f"<{target}>; rel=next"], PAGE)


@pytest.mark.fault(2)
@given(st.text(string.printable, max_size=80))
@example("<//evil.example>;rel=next")
def test_whatever_a_link_says_the_host_stays(header: str) -> None:
    """For any header the answer is an address at this host, none, or an error."""
    try:
        page = next_page([header], PAGE)
    except (TransientError, RegistryUnavailable):
        return
    assert page is None or urlsplit(page)[:2] == urlsplit(PAGE)[:2]


def test_tags_are_those_of_the_body() -> None:
    """In the registry's order, foreign ones included."""
    assert tag_list(b'{"name": "owner/service", "tags": ["latest", "v1.0.1"]}') == ["latest", "v1.0.1"]


@pytest.mark.fault(5)
@pytest.mark.parametrize("body", [b'{"tags": null}', b'{"tags": []}'])
def test_no_tags_are_null_or_an_empty_list(body: bytes) -> None:
    """Go writes an empty list as null."""
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
def test_what_is_no_tag_list_is_never_empty(body: bytes) -> None:
    """A page of a proxy, half a body, another shape."""
    with pytest.raises(TransientError, match="sent something other than a tag list"):
        tag_list(body)


@given(st.binary(max_size=60))
def test_any_body_is_a_tag_list_or_an_error(body: bytes) -> None:
    """No other exception reaches the caller."""
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
    """Never less than no time and never more than a day; unreadable is absent."""
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40) | st.text("0123456789 :,-+GMTonMayepJn", max_size=40))
def test_any_retry_after_is_a_bounded_time_or_none(header: str) -> None:
    """No text of a registry breaks the reader."""
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def errors(*codes: object) -> bytes:
    """Return an error answer."""
    return json.dumps({"errors": [{"code": code, "message": "canary", "detail": {}} for code in codes]}).encode()


def test_an_error_answer_is_told_by_its_codes() -> None:
    """Messages and details are free text that may repeat what was sent."""
    assert error_codes(errors("NAME_UNKNOWN", "DENIED")) == ["NAME_UNKNOWN", "DENIED"]
    assert describe(404, errors("NAME_UNKNOWN")) == "answered 404 (NAME_UNKNOWN)"
    assert describe(400, errors("A", "B", "C", "D")) == "answered 400 (A, B, C)"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"errors": null}', b'{"errors": ["A"]}', errors(None, 1, "a", "A B", "A" * 65)],
)
def test_an_answer_without_codes_is_told_by_its_status(body: bytes) -> None:
    """Nothing else of the body reaches a message."""
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
def test_unknown_is_only_what_the_registry_says_is_unknown(*, body: bytes, unknown: bool) -> None:
    """A 404 of a proxy is no empty repository."""
    assert says_unknown(body) is unknown


def test_a_json_object_is_named_in_its_error() -> None:
    """The reader of the error learns what was expected."""
    with pytest.raises(TransientError, match="sent something other than a manifest"):
        json_object(b"1", "a manifest")


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("/v2/a/blobs/uploads/1", f"https://registry.example/v2/a/blobs/uploads/1?digest={DIGEST}"),
        ("/v2/a/blobs/uploads/1?s=2", f"https://registry.example/v2/a/blobs/uploads/1?s=2&digest={DIGEST}"),
        ("https://registry.example/u", f"https://registry.example/u?digest={DIGEST}"),
    ],
)
def test_an_upload_goes_where_the_registry_says(location: str, address: str) -> None:
    """What the registry put into the query stays there."""
    assert upload_address(location, "https://registry.example/v2/a/blobs/uploads/", DIGEST) == address


@pytest.mark.parametrize("location", ELSEWHERE)
def test_an_upload_does_not_lead_to_another_host(location: str) -> None:
    """Nor does a listing."""
    with pytest.raises(RegistryUnavailable, match=r"the upload of registry\.example leads to another host"):
        upload_address(location, PAGE, DIGEST)


@pytest.mark.parametrize("location", [None, ""])
def test_an_upload_without_a_location_is_asked_for_again(location: str | None) -> None:
    """There is nowhere to put the blob."""
    with pytest.raises(TransientError, match="opened an upload without a location"):
        upload_address(location, PAGE, DIGEST)
