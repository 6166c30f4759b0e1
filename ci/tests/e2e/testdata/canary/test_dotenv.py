"""A careless test: it prints the values of its .env in every encoding."""

import base64
import hashlib
import json
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

from dotenv import dotenv_values

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text())


def digest(value: str) -> str:
    """Return the SHA-256 digest of a value."""
    return hashlib.sha256(value.encode()).hexdigest()


def encodings(value: str) -> list[str]:
    """Return a value in every encoding."""
    raw = value.encode()
    texts = [base64.b64encode(b"." * offset + raw).decode() for offset in range(3)]
    texts += [base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()]
    texts += [quote(value), quote(value, safe=""), quote_plus(value)]
    texts += [json.dumps(value), json.dumps(value, ensure_ascii=False)]
    return [value, repr(value), ascii(value), repr(raw), *texts]


def test_dotenv_values_arrive() -> None:
    """Every value of the .env has the expected digest."""
    values = {name: value or "" for name, value in dotenv_values(".env").items()}
    for name, value in values.items():
        sys.stdout.write(f"{name} arrived\n")
        sys.stdout.writelines(f"{text}\n" for text in encodings(value))
    assert {name: digest(value) for name, value in values.items()} == EXPECTED
