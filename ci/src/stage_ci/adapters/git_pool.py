"""The connections to a git server: the proxy and the certificates of the environment, as git itself uses them.

dulwich reads HTTPS_PROXY also for an http URL, only lower-case names, and no port in NO_PROXY.
"""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from dulwich.client import default_user_agent_string
from urllib3 import PoolManager, ProxyManager
from urllib3.util import make_headers

from stage_ci.adapters.certificates import trusted_certificates
from stage_ci.rules.proxy import Proxy


def open_pool(url: str, timeout: float) -> PoolManager:
    """Return the connections to the server of ``url``, which are opened with the first request.

    Args:
        url: An http or https URL.
        timeout: The limit of each connection attempt and each read, in seconds.

    Raises:
        InvalidInput: if the environment names a proxy or certificates that cannot be used.
    """
    options: dict[str, Any] = {"timeout": timeout, "headers": {"User-agent": default_user_agent_string()}}
    if urlsplit(url).scheme == "https":
        options["ssl_context"] = trusted_certificates()
    proxy = Proxy.of(url, os.environ)
    if proxy is None:
        return PoolManager(**options)
    parts = urlsplit(proxy.url)
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        options["proxy_headers"] = make_headers(proxy_basic_auth=login)
    if parts.scheme == "https":
        options["proxy_ssl_context"] = trusted_certificates()
    return ProxyManager(proxy.url, **options)
