"""The codes, the reason and the meaning of a registry's error responses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.registry.error_response import describe, error_codes, error_reason, is_missing_part, is_unknown


def errors(*codes: object) -> bytes:
    """Return the body of an error response."""
    return json.dumps({"errors": [{"code": code, "message": "canary", "detail": {}} for code in codes]}).encode()


def test_an_error_response_is_described_by_its_codes() -> None:
    """An error response is described by its status and at most three of its codes."""
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


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"errors": [{"code": "DENIED", "message": "the quota of 10 GiB is used up"}]},
            "the quota of 10 GiB is used up",
        ),
        ({"errors": [{"code": "DENIED"}, {"code": "X", "message": "the second one"}]}, "the second one"),
        ({"errors": [{"code": "TAG_INVALID", "message": " ", "detail": "tags are immutable"}]}, "tags are immutable"),
        ({"errors": [{"status": 401, "message": "Bad credentials"}]}, "Bad credentials"),
        ({"details": "incorrect username or password"}, "incorrect username or password"),
        ({"error": "Invalid Username or Password"}, "Invalid Username or Password"),
        ({"error": "invalid_scope", "error_description": "no such scope"}, "no such scope"),
        ({"error": {"code": 403, "message": "Permission denied on resource"}}, "Permission denied on resource"),
        ({"title": "Not Acceptable", "detail": "only linux images"}, "only linux images"),
        ({"errors": "none of the form", "message": "but with a message"}, "but with a message"),
        (
            {"Message": "User is not authorized to access this resource"},
            "User is not authorized to access this resource",
        ),
        ({"code": 403, "msg": "the plan allows no push"}, "the plan allows no push"),
        (
            {"errors": [{"code": "DENIED", "message": "access denied", "detail": "the project is archived"}]},
            "access denied: the project is archived",
        ),
        ({"Message": "access denied", "Detail": "the role lacks ecr:Put"}, "access denied: the role lacks ecr:Put"),
        ({"message": "tag v1 is immutable", "detail": "v1 is immutable"}, "tag v1 is immutable"),
        ({"errors": [{"code": "DENIED", "message": "access denied", "detail": [{"Action": "push"}]}]}, "access denied"),
    ],
)
def test_a_reason_is_read_in_the_forms_of_vendors(body: object, reason: str) -> None:
    """The reason is the message of the specification's form, or of the form of a token service or a gateway."""
    assert error_reason(json.dumps(body).encode(), []) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><head><title>413 Request Entity &amp; more</title></head></html>", "413 Request Entity & more"),
        (b'<?xml version="1.0"?><Error><Code>X</Code><Message>Access Denied</Message></Error>', "Access Denied"),
        (b"upstream connect error\r\n", "upstream connect error"),
        (b"first paragraph\n\nsecond", "first paragraph"),
        (b"\xef\xbb\xbf<html><title>Wartung bis 9&nbsp;Uhr</title>", "Wartung bis 9 Uhr"),
        ("Zugriff verweigert für robot".encode("latin-1"), "Zugriff verweigert für robot"),
        (b"reason\n\n" + "ä".encode() * 10_000, "reason"),
        (b"<html><body>Sign in</body></html>", ""),
        (b'{"errors": [{"mess', ""),
        (b"\xff\xfe\x00\x01", ""),
        (b"", ""),
        (b"{}", ""),
        (b'{"errors": [{"message": 1}, "text"]}', "text"),
        (b'{"errors": ' + b"[" * 400 + b"]" * 400 + b"}", ""),
    ],
)
def test_a_reason_is_read_from_a_page_or_text(body: bytes, reason: str) -> None:
    """The reason is the title of a page, the message of a storage service, or the first paragraph of a text."""
    assert error_reason(body, []) == reason


def test_a_reason_is_one_short_line() -> None:
    """A reason is one line of at most 200 printable characters, without control or direction characters."""
    body = json.dumps({"errors": [{"message": "quota\nexceeded:\x1b[0m\u202e\x07 " + "x" * 300}]}).encode()
    reason = error_reason(body, [])
    assert reason.startswith("quota exceeded: xxx")
    assert (len(reason), reason[-1]) == (200, "…")


@pytest.mark.parametrize(
    "message",
    [
        "bad Y2FuYXJ5",
        "bad pass%3Aword",
        "bad pass%3aword",
        "pass:word",
        "pass&#58;word",
        "PASS:WORD",
        "706173733a776f7264",
        "a+b+c",
        "cGFzczp3b3Jk",
        "x" * 300 + "pass:word",
    ],
)
def test_a_reason_with_a_secret_is_not_shown(message: str) -> None:
    """A reason is dropped if it contains a secret of the request in any spelling in which a server may repeat it."""
    body = json.dumps({"errors": [{"message": message}]}).encode()
    assert error_reason(body, ["", "Y2FuYXJ5", "pass:word", "a b c"]) == ""


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"message": text}).encode()))
def test_any_body_has_a_printable_reason_or_none(body: bytes) -> None:
    """Any body gives a printable line, which may be empty, and no exception."""
    assert error_reason(body, ["canary"]).isprintable()


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        (errors("NAME_UNKNOWN"), True),
        (errors("MANIFEST_UNKNOWN"), True),
        (errors("NOT_FOUND"), True),
        (errors("BLOB_UNKNOWN"), True),
        (errors("NAME_INVALID"), True),
        (errors("UNKNOWN", "MANIFEST_UNKNOWN"), True),
        (errors("DENIED"), False),
        (errors("UNAUTHORIZED"), False),
        (errors("NAME_UNKNOWN", "DENIED"), False),
        (errors("TOOMANYREQUESTS"), False),
        (errors("UNKNOWN"), None),
        (b'{"errors": [{"status": 404, "message": "Not Found"}]}', None),
        (b"", None),
        (b"<html>Not Found</html>", None),
    ],
)
def test_a_code_tells_whether_something_exists(*, body: bytes, unknown: bool | None) -> None:
    """A code of the specification reports that something does not exist, unless it is about access or a limit."""
    assert is_unknown(body) is unknown


@pytest.mark.parametrize(
    ("code", "missing"),
    [("MANIFEST_BLOB_UNKNOWN", True), ("BLOB_UNKNOWN", True), ("MANIFEST_UNKNOWN", True), ("NAME_UNKNOWN", False)],
)
def test_a_rejected_manifest_may_lack_a_part(*, code: str, missing: bool) -> None:
    """A manifest that was rejected because of a blob or a manifest in it can be distinguished from any other."""
    assert is_missing_part(errors(code)) is missing
