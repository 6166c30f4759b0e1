"""The proxy for a URL by the variables of the environment."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.proxy import Proxy, excluding

URL: Final = "https://registry.example:5000/v2/"
PROXY: Final = "http://proxy.example:3128"


def variable(url: str, **environment: str) -> str:
    """Return the variable whose proxy is used; empty if none is."""
    proxy = Proxy.of(url, environment)
    return proxy.variable if proxy else ""


@pytest.mark.parametrize(
    ("environment", "used"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"https_proxy": PROXY}, "https_proxy"),
        ({"https_proxy": "http://other", "HTTPS_PROXY": PROXY}, "https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"https_proxy": " ", "ALL_PROXY": PROXY}, "ALL_PROXY"),
        ({"HTTP_PROXY": PROXY}, ""),
        ({"all_proxy": "socks5://proxy.example", "HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"all_proxy": PROXY, "HTTP_PROXY": "socks5://proxy.example"}, "all_proxy"),
    ],
)
def test_the_proxy_of_the_scheme_is_used(environment: dict[str, str], used: str) -> None:
    """The variable of the URL's scheme is used in either case, or else that for all; one of another scheme never."""
    assert variable(URL, **environment) == used


@pytest.mark.parametrize("text", ["proxy.example:3128", PROXY, f" {PROXY} "])
def test_a_proxy_without_a_scheme_speaks_http(text: str) -> None:
    """A proxy may be given as host and port, as git and Go accept it."""
    proxy = Proxy.of(URL, {"HTTPS_PROXY": text})
    assert proxy is not None
    assert proxy.url == PROXY


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        (URL, "*"),
        (URL, "registry.example"),
        (URL, "a.example , registry.example"),
        (URL, "a.example registry.example"),
        (URL, "REGISTRY.Example"),
        (URL, "registry.example:5000"),
        (URL, "example"),
        (URL, ".example"),
        (URL, "*.example"),
        (URL, "*.example:5000"),
        (URL, "reg*.example"),
        (URL, "registry.example."),
        ("https://Registry.Example./v2/", "registry.example"),
        (URL, "fd00::/8,[::1],registry.example"),
        ("https://registry.example/v2/", "registry.example:443"),
        ("http://registry.example/v2/", "registry.example:80"),
        ("http://10.1.2.3:5000/v2/", "10.0.0.0/8"),
        ("http://10.1.2.3:5000/v2/", "10.255.0.1/8"),
        ("http://10.1.2.3:5000/v2/", "10.1.2.3:5000"),
        ("http://10.1.2.3:5000/v2/", "10.*"),
        ("http://[fd00::12]:5000/v2/", "fd00::/8"),
        ("http://[fd00::12]:5000/v2/", "[fd00::]/8"),
        ("http://[fd00::12]:5000/v2/", "FD00::12"),
        ("http://[fd00::12]:5000/v2/", "fd00:0:0::12"),
        ("http://[fd00::12]:5000/v2/", "[fd00::12]"),
        ("http://[fd00::12]:5000/v2/", "[fd00::12]:5000"),
        ("http://[::ffff:10.1.2.3]/v2/", "10.0.0.0/8"),
        ("http://[fe80::1%25eth0]/v2/", "fe80::1"),
        ("http://registry:5000/v2/", "registry"),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_an_excluded_host_is_reached_directly(url: str, no_proxy: str, name: str) -> None:
    """NO_PROXY excludes by name, domain, wildcard, address, range and port, whatever else is in the list."""
    assert variable(url, **{"ALL_PROXY": PROXY, name: no_proxy}) == ""


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        (URL, ""),
        (URL, ",, ,"),
        (URL, "other.example"),
        (URL, "xample"),
        (URL, "gistry.example"),
        (URL, "registry.example:443"),
        (URL, "*.registry.example"),
        (URL, "registry.example/8"),
        (URL, "."),
        ("https://registry.example.evil/v2/", "registry.example"),
        ("http://10.1.2.3/v2/", "11.0.0.0/8,10.1.2.30,10.1.2.3:8080,10.1.2.3/33"),
        ("http://10.1.2.3/v2/", "fd00::/8,::1,[::1]"),
        ("http://[fd00::12]/v2/", "10.0.0.0/8,fe80::/10,[fd00::12]:5000,fd00::1"),
        ("http://[fd00::12]/v2/", "[fd00::12,fd00::12],[]"),
    ],
)
def test_another_host_is_reached_through_the_proxy(url: str, no_proxy: str) -> None:
    """An entry for another host, port, address or range, or an invalid one, excludes nothing."""
    assert variable(url, ALL_PROXY=PROXY, NO_PROXY=no_proxy) == "ALL_PROXY"


def test_both_spellings_of_no_proxy_exclude() -> None:
    """Of two different lists, git reads one and skopeo the other, so the hosts of both are excluded."""
    environment = {"ALL_PROXY": PROXY, "NO_PROXY": "a.example", "no_proxy": "b.example"}
    assert [variable(f"https://{host}.example", **environment) for host in "abc"] == ["", "", "ALL_PROXY"]


@given(st.text(max_size=40) | st.text("[]:*./,0123456789abf", max_size=40), st.sampled_from([URL, "http://[::1]:80/"]))
def test_any_list_is_read(no_proxy: str, url: str) -> None:
    """Any list gives a proxy or none, and no exception."""
    assert variable(url, ALL_PROXY=PROXY, NO_PROXY=no_proxy) in {"", "ALL_PROXY"}


@given(st.text(min_size=1, max_size=40) | st.text("htps:/@[]%x1. ", min_size=1, max_size=20))
def test_any_proxy_is_used_or_invalid_input(text: str) -> None:
    """Any value gives a proxy, or InvalidInput, which does not quote it, and no other exception."""
    with suppress(InvalidInput):
        assert variable(URL, HTTPS_PROXY=f"canary{text}") == "HTTPS_PROXY"


def test_a_proxy_does_not_show_its_password() -> None:
    """The repr of a proxy does not contain its URL, which may hold a password."""
    assert "canary" not in repr(Proxy.of(URL, {"HTTPS_PROXY": "http://robot:canary@proxy.example"}))


@pytest.mark.parametrize(
    ("environment", "listed"),
    [
        ({}, ""),
        ({"NO_PROXY": "a"}, ""),
        ({"HTTP_PROXY": PROXY}, "registry,10.1.2.3"),
        ({"https_proxy": PROXY, "NO_PROXY": "a,b"}, "a,b,registry,10.1.2.3"),
        ({"ALL_PROXY": PROXY, "NO_PROXY": "a", "no_proxy": "a"}, "a,registry,10.1.2.3"),
    ],
)
def test_hosts_are_added_to_the_excluded_ones(environment: dict[str, str], listed: str) -> None:
    """Hosts are added to NO_PROXY if there is a proxy; without one, nothing has to be set."""
    assert excluding(environment, "registry", "10.1.2.3") == listed
