"""The meaning of a registry's responses."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.registry.protocol import (
    TransientError,
    api_host,
    is_denied,
    is_final_head,
    is_transient,
    json_object,
    retry_after,
    tag_list,
)

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("registry", "host"),
    [("docker.io", "registry-1.docker.io"), ("ghcr.io", "ghcr.io"), ("localhost:5000", "localhost:5000")],
)
def test_docker_hub_has_another_api_host(registry: str, host: str) -> None:
    """The API host of docker.io is registry-1.docker.io; any other registry is its own API host."""
    assert api_host(registry) == host


def test_a_status_is_denied_or_transient() -> None:
    """401 and 403 deny access; 408, 425, 429 and every 5xx may succeed on a retry."""
    assert list(filter(is_denied, range(100, 600))) == [401, 403]
    assert list(filter(is_transient, range(100, 600))) == [408, 425, 429, *range(500, 600)]


def test_few_answers_to_head_are_final() -> None:
    """A GET follows a HEAD unless the registry asks for a login or to wait, which holds for a GET as well."""
    final = {wait: [s for s in range(100, 600) if is_final_head(s, asks_to_wait=wait)] for wait in (False, True)}
    assert final == {False: [401, 429], True: [401, 408, 425, 429, *range(500, 600)]}


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


def test_the_error_about_an_invalid_json_object_names_what_was_expected() -> None:
    """The error about an invalid JSON object names the object that was expected."""
    with pytest.raises(TransientError, match="sent something other than a manifest"):
        json_object(b"1", "a manifest")
