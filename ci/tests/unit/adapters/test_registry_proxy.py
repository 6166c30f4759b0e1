"""The proxies of the environment, as the client of a registry uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.loopback import Reply

from stage_ci.adapters.registry import Registry, RetryPolicy
from stage_ci.errors import InvalidInput, RegistryUnavailable

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

HOST: Final = "registry.example:5000"


async def no_pause(_: float) -> None:
    """Take the place of a pause."""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("setting", ["HTTP_PROXY=http://{host}", "http_proxy={host}", "ALL_PROXY=http://{host}"])
async def test_a_proxy_of_the_environment_is_used(
    server: Server, other: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Requests go to the proxy of the environment, with or without the scheme in its URL."""
    variable, _, proxy = setting.partition("=")
    monkeypatch.setenv(variable, proxy.format(host=other.host))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="answered 404"):
            await registry.tags()
    assert (server.lines, other.lines[0]) == ([], f"GET {server.url}/v2/owner/service/tags/list")


@pytest.mark.parametrize("hosts", ["127.0.0.1", "fd00::/8,127.0.0.1", "[::1],.internal,127.0.0.1", "*", "{host}"])
async def test_no_proxy_excludes_the_registry(
    server: Server, other: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    """A registry in NO_PROXY is reached directly, even if the list also has an IPv6 range, as in clusters."""
    monkeypatch.setenv("HTTP_PROXY", other.url)
    monkeypatch.setenv("NO_PROXY", hosts.format(host=server.host))
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert other.lines == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("ALL_PROXY=socks5://robot:canary@127.0.0.1:1", "ALL_PROXY: SOCKS proxies are not supported"),
        ("all_proxy=SOCKS5H://canary.example", "all_proxy: SOCKS proxies are not supported"),
        ("http_proxy=socks4a://canary.example:1080", "http_proxy: SOCKS proxies are not supported"),
        ("HTTP_PROXY=ftp://canary", "HTTP_PROXY: invalid URL"),
        ("HTTP_PROXY=http://canary:port", "HTTP_PROXY: invalid URL"),
        ("HTTP_PROXY=http://", "HTTP_PROXY: invalid URL"),
        ("HTTP_PROXY=http://canary host:80", "HTTP_PROXY: invalid URL"),
    ],
)
async def test_an_unusable_proxy_is_invalid_input(
    server: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch, setting: str, message: str
) -> None:
    """A proxy that cannot be used fails at once; the error names the variable and does not quote its value."""
    monkeypatch.setenv(*setting.split("=", 1))
    async with script.registry(server) as registry:
        with pytest.raises(InvalidInput, match=f"invalid proxy in {message}") as error:
            await registry.tags()
    assert server.lines == []
    assert "canary" not in str(error.value)


async def test_an_unreachable_proxy_is_named(
    script: Scripting, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error about a proxy that cannot be reached names its variable, because the registry is not at fault."""
    monkeypatch.setenv("HTTP_PROXY", "http://robot:canary@127.0.0.1:1")
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="cannot be reached through the proxy in HTTP_PROXY: ") as error:
            await registry.tags()
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "attempts", "remedy"),
    [
        (403, 1, "check the user and the password of the proxy"),
        (407, 1, "check the user"),
        (502, 2, "check the registry"),
    ],
)
async def test_a_proxy_that_rejects_a_connection_is_named(
    other: Server, monkeypatch: pytest.MonkeyPatch, status: int, attempts: int, remedy: str
) -> None:
    """The error about a proxy that rejects a connection names its variable; a proxy that denies is asked once."""
    monkeypatch.setenv("https_proxy", other.url)
    other.on(f"CONNECT {HOST}", Reply(status))
    policy = RetryPolicy(attempts=2, sleep=no_pause)
    async with Registry(f"https://{HOST}", "owner/service", policy=policy) as registry:
        with pytest.raises(RegistryUnavailable, match=f"through the proxy in https_proxy: {status} .*; {remedy}"):
            await registry.tags()
    assert other.lines == [f"CONNECT {HOST}"] * attempts
