"""What is refused: by field, with the limit, as early as possible, never with 500."""

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from callcenterai_svm.service import reading
from callcenterai_svm.service.limits import MAX_BODY_BYTES, MAX_CHARACTERS, MAX_TEXTS

TICKET = "My password expired"
JSON = {"content-type": "application/json"}

CHARACTERS = f"String should have at most {MAX_CHARACTERS} characters"

# Longer than any refusal is, so that it shows if one repeats what came.
LONG = "secret " * 1000


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("/predict_one", {}, "body.text: Field required"),
        ("/predict_one", {"text": ""}, "body.text: String should have at least 1"),
        ("/predict_one", {"text": " \n"}, "body.text: String should hold more than"),
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
def test_unusable_ticket_is_refused_by_field(
    client: TestClient, route: str, body: Any, message: str
) -> None:
    """422, and the message says where in the body."""
    response = client.post(route, json=body)
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert problem["msg"].startswith(message)
    assert problem["loc"][0] == "body"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
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
def test_what_json_cannot_say_is_refused(
    client: TestClient, route: str, body: bytes
) -> None:
    """422 as well, in JSON; the answer does not try to repeat it."""
    response = client.post(route, content=body, headers=JSON)
    assert response.status_code == 422
    assert response.json()["detail"][0]["msg"].startswith("body")
    assert "secret" not in response.text
    assert len(response.content) < 500


def test_odd_but_valid_json_is_taken(client: TestClient) -> None:
    """NUL is a character like another; of a key given twice the last counts."""
    odd = '{"text": 7, "text": "\\u0000password\\u0000", "other": 1e999}'
    response = client.post("/predict_one", content=odd, headers=JSON)
    assert response.status_code == 200
    assert response.json()["input"] == "\x00password\x00"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "json", ""]
)
def test_other_content_type_is_refused(client: TestClient, content_type: str) -> None:
    """415, and the message says what is expected."""
    headers = {"content-type": content_type}
    response = client.post("/predict_one", content='{"text": "a"}', headers=headers)
    assert response.status_code == 415
    assert response.json() == {"detail": "content-type: should be application/json"}


def test_oversized_body_is_refused_with_the_limit(client: TestClient) -> None:
    """Whether or not it declares its length."""
    parts = [b"a" * MAX_BODY_BYTES, b"a"]
    for content in (b"".join(parts), iter(parts)):
        response = client.post("/predict", content=content, headers=JSON)
        assert response.status_code == 413
        expected = f"body: should have at most {MAX_BODY_BYTES} bytes"
        assert response.json() == {"detail": expected}


@pytest.mark.parametrize("begin", [[], [b'{"text": '], [b" "] * 100])
def test_body_that_does_not_end_is_refused_in_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, begin: list[bytes]
) -> None:
    """408 with the limit, and the connection is not used for another request."""
    monkeypatch.setattr(reading, "MAX_BODY_SECONDS", 0.05)
    answer: list[Message] = []
    parts = iter(begin)

    async def receive() -> Message:
        for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answer.append(message)

    async def ask() -> None:
        head = {"path": "/predict", "headers": [(b"content-type", b"application/json")]}
        await client.app({"type": "http", "method": "POST", **head}, receive, send)

    asyncio.run(ask())
    start, body = answer
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"]) == {"detail": "body: should arrive within 0.05 s"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/predict_one/", 404),
        ("GET", "/predict_one", 405),
        ("PUT", "/predict", 405),
        ("POST", "/health", 405),
        ("BREW", "/predict", 405),
    ],
)
def test_wrong_address_is_told_in_json(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """As every refusal is."""
    response = client.request(method, path, follow_redirects=False)
    assert response.status_code == status
    assert isinstance(response.json()["detail"], str)


@given(
    st.binary(max_size=99)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "probabilities", "a"]), inner),
        max_leaves=9,
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_there_is_an_answer(client: TestClient, body: bytes) -> None:
    """In JSON, and it is never the service's fault."""
    for route in ("/predict", "/predict_one"):
        response = client.post(route, content=body, headers=JSON)
        assert response.status_code in (200, 422)
        assert isinstance(response.json(), dict)
