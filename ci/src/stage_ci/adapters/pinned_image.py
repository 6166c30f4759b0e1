"""How the engine pulls the images of pins.py: by digest, unless the engine has a stand-in of another digest."""

import os
from typing import Final

# Set by the runtime of ci/engine: the names for which its engine has stand-ins, separated by spaces.
_STAND_INS: Final = "STAGE_CI_STAND_INS"


def name(pin: str) -> str:
    """Return the name and tag of a pin, without its digest."""
    return pin.partition("@")[0]


def reference(pin: str) -> str:
    """Return the reference with which the engine pulls an image of pins.py.

    It has the digest of the pin, for which every registry serves the same image or none. Where a stand-in has the name,
    it has the tag only: each machine builds stand-ins of its own, so no digest is known before.
    """
    return name(pin) if name(pin) in os.environ.get(_STAND_INS, "").split() else pin
