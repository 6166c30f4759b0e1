"""The client of one repository in a registry.

::

    client          tags, digests, labels, artifacts and referrers of the repository
    ├── api         one exchange of the distribution specification
    └── session     authentication and retries, within the bounds of policy
        └── transport   one HTTP exchange, bounded in time, size and redirects
"""

from stage_ci.adapters.registry.client import Registry
from stage_ci.adapters.registry.policy import RetryPolicy
from stage_ci.rules.registry import RegistryLogin

__all__ = ["Registry", "RegistryLogin", "RetryPolicy"]
