"""Services of the engine, reached past the proxies of the environment, to which the engine's hosts are unknown.

The engine hands its proxy variables to each container, also to that of the module:
https://docs.dagger.io/reference/configuration/proxy
"""

import os
from urllib.parse import urlsplit

import dagger

from stage_ci.rules.proxy import NO_PROXY, excluding


def bind(container: dagger.Container, name: str, service: dagger.Service, *addresses: str) -> dagger.Container:
    """Return ``container`` with a service bound, which its commands reach past a proxy.

    Args:
        container: The container.
        name: The host name of the service.
        service: The service.
        addresses: Other hosts by which the commands reach it.
    """
    bound = container.with_service_binding(name, service)
    if listed := excluding(os.environ, name, *addresses):
        for variable in NO_PROXY:
            bound = bound.with_env_variable(variable, listed)
    return bound


def reach(url: str) -> str:
    """Return the URL of a started service, which the module itself reaches past a proxy from now on."""
    if listed := excluding(os.environ, urlsplit(url).hostname or ""):
        os.environ.update(dict.fromkeys(NO_PROXY, listed))
    return url
