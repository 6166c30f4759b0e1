"""The page /docs: it shows without the internet what the service can do."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from callcenterai_svm.service import browsing


def loaded(client: TestClient) -> list[str]:
    """The addresses that the page asks for."""
    page = client.get("/docs").text
    return re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)


def test_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    """All it asks for is there, of the kind a browser takes; paths are relative."""
    addresses = loaded(client)
    assert len(addresses) == 4
    for address in [*addresses, "openapi.json"]:
        assert re.fullmatch(r"[\w./-]+", address) and not address.startswith("/")
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        kind = answer.headers["content-type"].partition(";")[0].rpartition("/")[2]
        assert kind in {"javascript", "css", "png", "json"}
        assert answer.content


def test_policy_of_the_page_lets_nothing_else_in(client: TestClient) -> None:
    """Nor anything out, and the page has no script of its own that it would forbid."""
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; connect-src 'self'"
    )
    assert "http" not in policy and "http" not in page.text
    assert "<script>" not in page.text


def test_page_stands_below_a_path(client: TestClient) -> None:
    """Behind a proxy that keeps its prefix."""
    below = TestClient(client.app, root_path="/svm")
    for path in ("/svm/docs", *(f"/svm/{address}" for address in loaded(client))):
        assert below.get(path).status_code == 200


def test_page_can_be_asked_about(client: TestClient) -> None:
    """HEAD gives the same headers; a browser asks again instead of keeping old files."""
    for path in ("/docs", "/docs/swagger-ui-bundle.js"):
        asked, got = client.head(path), client.get(path)
        assert asked.content == b""
        assert asked.headers["content-length"] == got.headers["content-length"]
        assert got.headers["cache-control"] == "no-cache"


def test_missing_package_of_the_page_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service does not start without, and whoever builds it sees why."""
    monkeypatch.setattr(browsing, "PACKAGE", "no_such_package")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        browsing.add_docs(FastAPI())


def test_fastapi_brings_no_page_of_its_own(client: TestClient) -> None:
    """They load what they show from a host on the internet."""
    assert client.get("/redoc").status_code == 404
    assert client.get("/docs/oauth2-redirect").status_code == 404
