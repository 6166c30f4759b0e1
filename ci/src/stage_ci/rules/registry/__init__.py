"""The registry protocol as pure functions: HTTP responses in, values and URLs out, without a network.

::

    image                   image manifests, image configurations and artifacts
    auth                    authentication challenges and tokens
    links                   the next page of a tag list, the location of an upload
    error_response          error codes and reasons
    copying                 why skopeo could not copy an image
    └── protocol            status codes, pauses, tag lists
"""

from stage_ci.rules.registry.auth import RegistryLogin
from stage_ci.rules.registry.protocol import api_host

__all__ = ["RegistryLogin", "api_host"]
