"""The registry protocol as pure functions: HTTP responses in, values and URLs out, without a network.

::

    image           image manifests, image configurations and artifacts
    auth            authentication challenges and tokens
    └── protocol    status codes, error codes, tag lists, links and upload locations
"""

from stage_ci.rules.registry.auth import RegistryLogin
from stage_ci.rules.registry.protocol import api_host

__all__ = ["RegistryLogin", "api_host"]
