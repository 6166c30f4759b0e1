"""Rejected requests: each gets an early 4xx response with the field or the limit."""

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from callcenterai_svm.service import request_body
from callcenterai_svm.service.limits import MAX_BODY_BYTES, MAX_CHARACTERS, MAX_TEXTS

TICKET = "My password expired"
JSON = {"content-type": "application/json"}

CHARACTERS = f"String should have at most {MAX_CHARACTERS} characters"

# Longer than any error response, so that a response that repeats it is detected.
LONG = "secret " * 1000


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("/predict_one", {}, "body.text: Field required"),
        ("/predict_one", {"text": ""}, "body.text: String should have at least 1"),
        ("/predict_one", {"text": " \n"}, "body.text: String should contain more than"),
        ("/predict_one", {"text": 7}, "body.text: Input should be a valid string"),
        ("/predict_one", {"text": None}, "body.text: Input should be a valid string"),
        (
            "/predict_one",
            {"text": [TICKET]},
            "body.text: Input should be a valid string",
        ),
        (
            "/predict_one",
            {"text": "a" * (MAX_CHARACTERS + 1)},
            f"body.text: {CHARACTERS}",
        ),
        ("/predict_one", {"text": "a" * 1_000_000}, f"body.text: {CHARACTERS}"),
        (
            "/predict_one",
            {"text": TICKET, "probabilities": "yes"},
            "body.probabilities: Input should be a valid boolean",
        ),
        ("/predict", {"text": []}, "body.text: List should have at least 1 item"),
        ("/predict", {"text": TICKET}, "body.text: Input should be a valid array"),
        (
            "/predict",
            {"text": [TICKET, 7]},
            "body.text[1]: Input should be a valid string",
        ),
        (
            "/predict",
            {"text": [TICKET, ""]},
            "body.text[1]: String should have at least",
        ),
        (
            "/predict",
            {"text": [TICKET, "a" * (MAX_CHARACTERS + 1), 7]},
            f"body.text[1]: {CHARACTERS}",
        ),
        (
            "/predict",
            {"text": ["a"] * (MAX_TEXTS + 1)},
            f"body.text: List should have at most {MAX_TEXTS} items",
        ),
        (
            "/predict",
            {"text": ["a"] * 10_001},
            f"body.text: List should have at most {MAX_TEXTS} items",
        ),
        ("/predict", [TICKET], "body: Input should be an object"),
    ],
)
def test_invalid_ticket_is_rejected_by_field(
    client: TestClient, route: str, body: Any, message: str
) -> None:
    """An invalid ticket gives 422, with the location in the body."""
    response = client.post(route, json=body)
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert problem["msg"].startswith(message)
    assert problem["loc"][0] == "body"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b'{"text": "a"',
        b'{"text": NaN}',
        b'{"text": Infinity}',
        b'{"text": "\\ud800"}',
        b'{"text": "raw \x00"}',
        b'{"text": "\xff"}',
        b'{"text": ' + b"9" * 5_000 + b"}",
        b'{"text": ' + b"[" * 100_000,
        b'{"other": ' + b'{"a":' * 100_000,
        b'{"text": "' + LONG.encode() + b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"text": "a"} {"text": "b"}',
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("route", ["/predict", "/predict_one"])
def test_invalid_json_is_rejected(client: TestClient, route: str, body: bytes) -> None:
    """Invalid JSON gives 422, with a JSON response that does not repeat the body."""
    response = client.post(route, content=body, headers=JSON)
    assert response.status_code == 422
    assert response.json()["detail"][0]["msg"].startswith("body")
    assert "secret" not in response.text
    assert len(response.content) < 500


def test_unusual_but_valid_json_is_accepted(client: TestClient) -> None:
    """NUL characters are accepted, and the last of duplicate keys counts."""
    odd = '{"text": 7, "text": "\\u0000password\\u0000", "other": 1e999}'
    response = client.post("/predict_one", content=odd, headers=JSON)
    assert response.status_code == 200
    assert response.json()["input"] == "\x00password\x00"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "json", ""]
)
def test_other_content_type_is_rejected(client: TestClient, content_type: str) -> None:
    """Any other content type gives 415, with the expected one."""
    headers = {"content-type": content_type}
    response = client.post("/predict_one", content='{"text": "a"}', headers=headers)
    assert response.status_code == 415
    assert response.json() == {"detail": "content-type: should be application/json"}


def test_oversized_body_is_rejected_with_the_limit(client: TestClient) -> None:
    """An oversized body gives 413, whether or not it declares its length."""
    parts = [b"a" * MAX_BODY_BYTES, b"a"]
    for content in (b"".join(parts), iter(parts)):
        response = client.post("/predict", content=content, headers=JSON)
        assert response.status_code == 413
        expected = f"body: should have at most {MAX_BODY_BYTES} bytes"
        assert response.json() == {"detail": expected}


@pytest.mark.parametrize("begin", [[], [b'{"text": '], [b" "] * 100])
def test_slow_body_is_rejected_at_the_time_limit(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, begin: list[bytes]
) -> None:
    """A body that does not end gives 408, and the connection is closed."""
    monkeypatch.setattr(request_body, "MAX_BODY_SECONDS", 0.05)
    sent: list[Message] = []
    parts = iter(begin)

    async def receive() -> Message:
        for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def post() -> None:
        head = {"path": "/predict", "headers": [(b"content-type", b"application/json")]}
        await client.app({"type": "http", "method": "POST", **head}, receive, send)

    asyncio.run(post())
    start, body = sent
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"]) == {"detail": "body: should arrive within 0.05 s"}


@given(
    st.binary(max_size=99)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "probabilities", "a"]), inner),
        max_leaves=9,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_gets_a_json_response(client: TestClient, body: bytes) -> None:
    """Any body gives 200 or 422 with a JSON object, never a server error."""
    for route in ("/predict", "/predict_one"):
        response = client.post(route, content=body, headers=JSON)
        assert response.status_code in (200, 422)
        assert isinstance(response.json(), dict)
