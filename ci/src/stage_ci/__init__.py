"""Take a machine-learning service from source to a named version in the infrastructure repository.

`stage` is the whole chain: lint, test, build, Trivy scan, smoke test, publish, manifest update. Every other function
is one part of it, to be called alone when a run is red. Without credentials everything is a rehearsal: a registry and
an infrastructure repository in the engine take the place of the real ones, and nothing leaves the machine.
"""

import gc

from stage_ci.logs import without_expected_tracebacks
from stage_ci.main import StageCi

__all__ = ["StageCi"]

without_expected_tracebacks()
# What has been imported stays until the process ends. Otherwise the collector goes through it once more at the end,
# which takes a third of a second of each call.
gc.freeze()
