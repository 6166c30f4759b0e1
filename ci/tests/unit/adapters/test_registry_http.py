"""The bounds of one question to a registry, shown with real HTTP servers on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from stage_ci.adapters.registry import Patience, Registry
from stage_ci.adapters.registry_http import BODY_MAX_BYTES
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

CONFIG: Final = b'{"config":{"Labels":{"ci.stage.inputs":"sha256:0"}}}'
DIGEST: Final = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
IMAGE: Final = json.dumps({"config": {"digest": DIGEST}}).encode()


@pytest.fixture
def redirecting(server: Server, other: Server, script: Scripting) -> Server:
    """Return a registry with a password that keeps its blobs at another host."""
    server.demand(script.basic, "Basic")
    server.on("GET manifests/v1.0.1", script.reply(body=IMAGE))
    server.on(f"GET blobs/{DIGEST}", script.reply(307, headers={"Location": f"{other.url}/blob?signature=s"}))
    other.on("GET /blob?signature=s", script.reply(body=CONFIG))
    return server


async def test_a_redirect_to_another_host_loses_the_authorization(
    redirecting: Server, other: Server, script: Scripting
) -> None:
    """Blobs come from storage that is not the registry."""
    async with script.registry(redirecting, script.credentials) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert [asked.authorization for asked in other.asked] == [""]


async def test_a_redirect_within_the_registry_keeps_the_authorization(redirecting: Server, script: Scripting) -> None:
    """Otherwise the next hop would only ask for it."""
    redirecting.on(f"GET blobs/{DIGEST}", script.reply(307, headers={"Location": "/v2/storage"}))
    redirecting.on("GET /v2/storage", script.reply(body=CONFIG))
    async with script.registry(redirecting, script.credentials) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert redirecting.asked[-1].authorization == script.basic


@pytest.mark.parametrize("challenge", ["Basic", 'Bearer realm="{url}/token"'])
async def test_another_host_that_asks_for_the_password_does_not_get_it(
    redirecting: Server, other: Server, script: Scripting, challenge: str
) -> None:
    """Only the registry's own challenge is answered."""
    header = {"WWW-Authenticate": challenge.format(url=other.url)}
    other.on("GET /blob?signature=s", script.reply(401, headers=header))
    async with script.registry(redirecting, script.credentials) as registry:
        with pytest.raises(RegistryAccessDenied, match=f"{redirecting.host}/owner/service answered 401"):
            await registry.labels("v1.0.1")
    assert [(asked.target, asked.authorization) for asked in other.asked] == [("/blob?signature=s", "")]


async def test_a_listing_at_another_host_goes_on_at_the_registry_only(
    server: Server, other: Server, script: Scripting
) -> None:
    """A page may be served from elsewhere, the next question is still for the registry."""
    server.on("GET tags/list", script.reply(307, headers={"Location": f"{other.url}/tags"}))
    other.on("GET /tags", script.json({"tags": []}, Link="<?last=0>; rel=next"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service leads to another host"):
            await registry.tags()
    assert other.log == ["GET /tags"]


async def test_a_link_that_is_no_address_is_not_followed(server: Server, script: Scripting) -> None:
    """Not an exception of the HTTP library."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=\x7f>; rel=next"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service leads to another host"):
            await registry.tags()


async def test_redirects_end(server: Server, script: Scripting) -> None:
    """A registry that redirects in a circle is left after a few rounds."""
    server.on("GET tags/list", script.reply(307, headers={"Location": "/v2/owner/service/tags/list"}))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="redirects more than 5 times"):
            await registry.tags()
    assert len(server.log) == 6


async def test_a_redirect_to_nowhere_is_an_unreadable_answer(server: Server, script: Scripting) -> None:
    """Not an exception of the HTTP library."""
    server.on("GET tags/list", script.reply(307, headers={"Location": "http://registry:port/"}))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"gave no readable answer \(RemoteProtocolError\)"):
            await registry.tags()


async def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    """A stand-in for the network, because a loopback server has no certificate that anybody trusts."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://registry.example/elsewhere"})

    async with Registry("https://registry.example", "owner/service", transport=httpx.MockTransport(answer)) as registry:
        with pytest.raises(RegistryUnavailable, match=r"registry\.example/owner/service redirects from https to http"):
            await registry.tags()
    assert asked == ["https://registry.example/v2/owner/service/tags/list"]


async def test_an_https_registry_with_a_plain_token_service_gets_no_password(script: Scripting) -> None:
    """Nobody on the way may read what the registry's own transport protects."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://registry.example/token"'})

    transport = httpx.MockTransport(answer)
    async with Registry(
        "https://registry.example", "owner/service", script.credentials, transport=transport
    ) as registry:
        with pytest.raises(RegistryUnavailable, match="names no token service to trust"):
            await registry.tags()
    assert len(asked) == 1


@pytest.mark.fault(8)
async def test_a_registry_that_is_silent_is_given_up(server: Server, script: Scripting) -> None:
    """A connection that nothing comes out of costs one time limit for each attempt."""
    server.on("GET tags/list", script.reply(stall=True))
    async with script.registry(server, request_seconds=0.05, attempts=2) as registry:
        with pytest.raises(RegistryUnavailable, match=r"gave no answer within 0\.05 s \(attempt 2 of 2"):
            await registry.tags()


async def test_an_endless_answer_is_given_up(server: Server, script: Scripting) -> None:
    """Memory is bounded as well as time."""
    server.on("GET tags/list", script.reply(body=bytes(BODY_MAX_BYTES + 1)))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"sends more than {BODY_MAX_BYTES} bytes"):
            await registry.tags()


async def test_a_plain_registry_needs_no_certificates(
    server: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them takes longer than the whole listing, so they are read for https only."""
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist")
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_nobody_is_trusted_without_certificates(server: Server) -> None:
    """The first question over https does read them."""
    patience = Patience(attempts=1)
    async with Registry(server.url.replace("http:", "https:"), "owner/service", patience=patience) as registry:
        with pytest.raises(RegistryUnavailable, match=r"cannot be reached: .*SSL"):
            await registry.tags()
