"""The proxy for a URL by the environment, as git (libcurl), skopeo and Trivy (Go) read its variables.

Sources: https://curl.se/libcurl/c/libcurl-env.html, https://curl.se/libcurl/c/CURLOPT_NOPROXY.html and
https://pkg.go.dev/golang.org/x/net/http/httpproxy. Where the two differ, what either of them excludes is excluded.
httpx itself fails for every host if NO_PROXY holds an IPv6 range (https://github.com/encode/httpx/issues/3221).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

from stage_ci.errors import InvalidInput

# The variable with the hosts that are reached directly, in both spellings.
NO_PROXY: Final = ("NO_PROXY", "no_proxy")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_VISIBLE: Final = re.compile(r"[!-~]+")
_HOST: Final = re.compile(r"[0-9a-z._:-]+")
_SEPARATOR: Final = re.compile(r"[\s,]+")
# A host and a port; an IPv6 address has more than one colon, and with a port it stands in brackets.
_ENTRY: Final = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the environment.

    Attributes:
        url: Its URL, which may contain a password.
        variable: The environment variable that names it.
    """

    url: str = field(repr=False)
    variable: str

    @property
    def phrase(self) -> str:
        """The proxy in an error, written to follow the name of a server that is reached through it."""
        return f" through the proxy in {self.variable}"

    @classmethod
    def of(cls, url: str, environment: Mapping[str, str]) -> Self | None:
        """Return the proxy for ``url``; None if it is reached directly.

        Args:
            url: An http or https URL.
            environment: The variables, by name.

        Raises:
            InvalidInput: if the variable names no HTTP proxy; the error does not quote its value.
        """
        parts = urlsplit(url)
        variable = _variable(environment, parts.scheme, "all")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        if not variable or _is_excluded(parts.hostname or "", port, _listed(environment)):
            return None
        return cls(_http_proxy(environment[variable].strip(), variable), variable)


def excluding(environment: Mapping[str, str], *hosts: str) -> str:
    """Return the value of NO_PROXY with further hosts; empty if the environment has no proxy that it would concern."""
    return (
        ",".join(filter(None, (_listed(environment), *hosts))) if _variable(environment, *_DEFAULT_PORTS, "all") else ""
    )


def _variable(environment: Mapping[str, str], *kinds: str) -> str:
    names = (name for kind in kinds for name in (f"{kind}_proxy", f"{kind}_proxy".upper()))
    return next((name for name in names if environment.get(name, "").strip()), "")


def _listed(environment: Mapping[str, str]) -> str:
    # Of two different values, git takes the lower-case one, and skopeo the other.
    return ",".join(dict.fromkeys(environment[name] for name in NO_PROXY if environment.get(name)))


def _http_proxy(text: str, variable: str) -> str:
    proxy = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(proxy)
        usable = bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0 and bool(_VISIBLE.fullmatch(proxy))
    except ValueError:
        raise _invalid(variable, "invalid URL") from None
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        raise _invalid(variable, "SOCKS proxies are not supported")
    if scheme not in _DEFAULT_PORTS or not usable:
        raise _invalid(variable, "invalid URL")
    return proxy


def _invalid(variable: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"invalid proxy in {variable}: {reason}, expected an http:// or https:// URL",
        step="proxy",
        remedy="correct the variable where the engine was started, or list the host in NO_PROXY",
    )


def _is_excluded(host: str, port: int | None, no_proxy: str) -> bool:
    name = host.lower().rstrip(".")
    address = _address(name)
    return any(_matches(entry, name, address, port) for entry in _SEPARATOR.split(no_proxy.lower()) if entry)


def _matches(entry: str, name: str, address: IPv4Address | IPv6Address | None, port: int | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _is_in(address, entry)
    host, entry_port = entry, None
    if (found := _ENTRY.fullmatch(entry)) is not None:
        host, entry_port = found[1] or found[2] or "", found[3]
    if entry_port and int(entry_port) != port:
        return False
    if (excluded := _address(host)) is not None:
        return excluded == address
    if host.startswith("*."):
        return fnmatchcase(name, host)
    domain = host.strip(".")
    return bool(domain) and (fnmatchcase(name, domain) or fnmatchcase(name, f"*.{domain}"))


def _is_in(address: IPv4Address | IPv6Address, entry: str) -> bool:
    prefix, _, length = entry.partition("/")
    try:
        return address in ip_network(f"{prefix.strip('[]')}/{length.strip(']')}", strict=False)
    except ValueError:
        return False


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
