"""The page /docs, which works without internet."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from callcenterai_svm.service import docs_page


def asset_urls(client: TestClient) -> list[str]:
    """The URLs of the scripts and links in the page."""
    page = client.get("/docs").text
    return re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)


def test_page_loads_all_assets_from_the_service(client: TestClient) -> None:
    """Every asset has a relative URL and is served with the right content type."""
    urls = asset_urls(client)
    assert len(urls) == 4
    for url in [*urls, "openapi.json"]:
        assert re.fullmatch(r"[\w./-]+", url) and not url.startswith("/")
        response = client.get(f"/{url}")
        assert response.status_code == 200
        kind = response.headers["content-type"].partition(";")[0].rpartition("/")[2]
        assert kind in {"javascript", "css", "png", "json"}
        assert response.content


def test_content_security_policy_blocks_other_hosts(client: TestClient) -> None:
    """The policy allows no other host, and the page has no inline script."""
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; connect-src 'self'"
    )
    assert "http" not in policy and "http" not in page.text
    assert "<script>" not in page.text


def test_page_works_below_a_path_prefix(client: TestClient) -> None:
    """The page and its assets work behind a proxy that keeps its path prefix."""
    below = TestClient(client.app, root_path="/svm")
    for path in ("/svm/docs", *(f"/svm/{url}" for url in asset_urls(client))):
        assert below.get(path).status_code == 200


def test_page_supports_head_and_revalidation(client: TestClient) -> None:
    """HEAD gives the headers of GET, and browsers revalidate before they reuse a file."""
    for path in ("/docs", "/docs/swagger-ui-bundle.js"):
        head, get = client.head(path), client.get(path)
        assert head.content == b""
        assert head.headers["content-length"] == get.headers["content-length"]
        assert get.headers["cache-control"] == "no-cache"


def test_missing_swagger_package_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of Swagger UI, the service does not start."""
    monkeypatch.setattr(docs_page, "PACKAGE", "no_such_package")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        docs_page.add_docs(FastAPI())


def test_pages_of_fastapi_are_disabled(client: TestClient) -> None:
    """FastAPI's own pages, which load assets from the internet, are disabled."""
    assert client.get("/redoc").status_code == 404
    assert client.get("/docs/oauth2-redirect").status_code == 404
