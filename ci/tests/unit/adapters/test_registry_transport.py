"""The bounds of one HTTP exchange with a registry, tested with real HTTP servers on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from stage_ci.adapters.registry import Registry, RetryPolicy
from stage_ci.adapters.registry.transport import BODY_MAX_BYTES
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable
from stage_ci.rules.reference import Digest

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

CONFIG: Final = b'{"config":{"Labels":{"ci.stage.inputs":"sha256:0"}}}'
DIGEST: Final = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
IMAGE: Final = json.dumps({"config": {"digest": DIGEST}}).encode()


@pytest.fixture
def redirecting(server: Server, other: Server, script: Scripting) -> Server:
    """Return a registry that requires a password and redirects blobs to another host."""
    server.require(script.basic, "Basic")
    server.on("GET manifests/v1.0.1", script.reply(body=IMAGE))
    server.on(f"GET blobs/{DIGEST}", script.reply(307, headers={"Location": f"{other.url}/blob?signature=s"}))
    other.on("GET /blob?signature=s", script.reply(body=CONFIG))
    return server


async def test_a_redirect_to_another_host_loses_the_authorization(
    redirecting: Server, other: Server, script: Scripting
) -> None:
    """A redirect to another host, such as blob storage, is followed without the Authorization header."""
    async with script.registry(redirecting, script.login) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert [request.authorization for request in other.requests] == [""]


async def test_a_redirect_within_the_registry_keeps_the_authorization(redirecting: Server, script: Scripting) -> None:
    """A redirect to a path of the same host is followed with the Authorization header."""
    redirecting.on(f"GET blobs/{DIGEST}", script.reply(307, headers={"Location": "/v2/storage"}))
    redirecting.on("GET /v2/storage", script.reply(body=CONFIG))
    async with script.registry(redirecting, script.login) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert redirecting.requests[-1].authorization == script.basic


@pytest.mark.parametrize("challenge", ["Basic", 'Bearer realm="{url}/token"'])
async def test_a_challenge_of_another_host_is_not_met(
    redirecting: Server, other: Server, script: Scripting, challenge: str
) -> None:
    """A challenge is met only if the registry itself sends it; a host that it redirects to gets no password."""
    header = {"WWW-Authenticate": challenge.format(url=other.url)}
    other.on("GET /blob?signature=s", script.reply(401, headers=header))
    async with script.registry(redirecting, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=f"{redirecting.host}/owner/service answered 401"):
            await registry.labels("v1.0.1")
    assert [(request.target, request.authorization) for request in other.requests] == [("/blob?signature=s", "")]


async def test_the_next_page_of_a_redirected_page_is_requested_from_the_registry(
    server: Server, other: Server, script: Scripting
) -> None:
    """A page may be redirected to another host, but its next page is requested from the registry, with its query."""
    server.require(script.basic, "Basic")
    server.on("GET tags/list", script.reply(307, headers={"Location": f"{other.url}/tags"}))
    server.on("GET tags/list?last=0", script.json({"tags": ["v1.0.2"]}))
    other.on("GET /tags", script.json({"tags": ["v1.0.1"]}, Link="<?last=0>; rel=next"))
    async with script.registry(server, script.login) as registry:
        assert await registry.tags() == ["v1.0.1", "v1.0.2"]
    assert [(request.line, request.authorization) for request in other.requests] == [("GET /tags", "")]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_write_is_not_repeated_as_a_read(server: Server, script: Scripting, status: int) -> None:
    """A redirect that would turn a write into a GET, as to a page to sign in, writes no tag and is an error."""
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": DIGEST}}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    server.on(f"GET manifests/{digest}", script.reply(body=manifest))
    server.on("GET manifests/v1.0.1", script.error("MANIFEST_UNKNOWN"))
    server.on("PUT manifests/v1.0.1", script.reply(status, headers={"Location": "/sign-in"}))
    server.on("PUT /sign-in", script.reply(201))
    server.on("GET /sign-in", script.reply(200, b"<html>"))
    async with script.registry(server) as registry:
        if status in {302, 303}:
            with pytest.raises(RegistryUnavailable, match=f"answered {status}"):
                await registry.tag("v1.0.1", Digest.parse(digest))
        else:
            assert await registry.tag("v1.0.1", Digest.parse(digest)) is None
    assert "GET /sign-in" not in server.lines


async def test_a_link_with_an_invalid_url_is_an_error(server: Server, script: Scripting) -> None:
    """A Link header with an invalid URL fails as RegistryUnavailable, not as an exception of httpx."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=\x7f>; rel=next"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service leads to another host"):
            await registry.tags()


async def test_cookies_are_not_sent_back(server: Server, script: Scripting) -> None:
    """Neither a redirect nor a later request sends cookies, by which Harbor recognizes browsers."""
    cookie = {"Set-Cookie": "sid=1; Path=/"}
    server.on("GET tags/list", script.reply(307, headers={"Location": "/v2/tags"} | cookie))
    server.on("GET /v2/tags", script.json({"tags": []}, Set_Cookie="sid=1; Path=/"))
    async with script.registry(server) as registry:
        await registry.tags()
        await registry.tags()
    assert [request.headers.get("cookie") for request in server.requests] == [None] * 4


async def test_redirects_are_bounded(server: Server, script: Scripting) -> None:
    """A redirect loop fails after five redirects."""
    server.on("GET tags/list", script.reply(307, headers={"Location": "/v2/owner/service/tags/list"}))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="redirects more than 5 times"):
            await registry.tags()
    assert len(server.lines) == 6


async def test_a_redirect_to_an_invalid_url_is_an_unreadable_response(server: Server, script: Scripting) -> None:
    """A redirect to an invalid URL fails as RegistryUnavailable, not as an exception of httpx."""
    server.on("GET tags/list", script.reply(307, headers={"Location": "http://registry:port/"}))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"sent an unreadable response \(RemoteProtocolError\)"):
            await registry.tags()


async def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    """A redirect from https to http fails; httpx is mocked, because no loopback server has a trusted certificate."""
    urls: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://registry.example/elsewhere"})

    async with Registry(
        "https://registry.example", "owner/service", transport=httpx.MockTransport(respond)
    ) as registry:
        with pytest.raises(RegistryUnavailable, match=r"registry\.example/owner/service redirects from https to http"):
            await registry.tags()
    assert urls == ["https://registry.example/v2/owner/service/tags/list"]


async def test_an_https_registry_cannot_name_an_http_token_service(script: Scripting) -> None:
    """An https registry that names an http token service gets no password, which would travel unencrypted."""
    urls: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://registry.example/token"'})

    transport = httpx.MockTransport(respond)
    async with Registry("https://registry.example", "owner/service", script.login, transport=transport) as registry:
        with pytest.raises(RegistryUnavailable, match="names an unusable token service"):
            await registry.tags()
    assert len(urls) == 1


@pytest.mark.fault(8)
async def test_a_registry_that_sends_nothing_times_out(server: Server, script: Scripting) -> None:
    """Each attempt at a registry that accepts a connection but sends nothing ends at its time limit."""
    server.on("GET tags/list", script.reply(stall=True))
    async with script.registry(server, request_seconds=0.05, attempts=2) as registry:
        with pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.05 s \(attempt 2 of 2"):
            await registry.tags()


async def test_the_size_of_a_response_is_bounded(server: Server, script: Scripting) -> None:
    """A response that exceeds the size limit fails without being read to its end."""
    server.on("GET tags/list", script.reply(body=bytes(BODY_MAX_BYTES + 1)))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"sent more than {BODY_MAX_BYTES} bytes"):
            await registry.tags()


async def test_an_http_registry_loads_no_certificates(
    server: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trusted certificates are loaded for an http registry, because loading them takes longer than its tag list."""
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist")
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_https_verifies_the_certificate(server: Server) -> None:
    """An https request to a server without a valid certificate fails."""
    policy = RetryPolicy(attempts=1)
    async with Registry(server.url.replace("http:", "https:"), "owner/service", policy=policy) as registry:
        with pytest.raises(RegistryUnavailable, match=r"cannot be reached: .*SSL"):
            await registry.tags()
