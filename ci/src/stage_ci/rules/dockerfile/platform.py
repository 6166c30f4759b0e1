"""The one platform that images are built for: https://docs.docker.com/build/building/multi-platform/."""

import re
from typing import Final

from stage_ci.errors import InvalidInput

# The platform of every image that is built, also on an engine of another one.
PLATFORM: Final = "linux/amd64"
# Its spellings: https://github.com/containerd/platforms/blob/v1.0.0/platforms.go. A lone `linux` is none of them,
# because it means the engine's own architecture.
_SPELLINGS: Final = re.compile(r"linux/(?:amd64|x86_64|x86-64)(?:/v1)?|amd64|x86_64|x86-64", re.IGNORECASE)
# An image without an architecture holds data, such as rules or certificates.
_WITHOUT_ARCHITECTURE: Final = "linux"
# https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
_VALUES: Final = {"PLATFORM": PLATFORM, "OS": "linux", "ARCH": "amd64", "VARIANT": ""}
# The arguments of every build: without them, BuildKit takes the engine's own platform as that of the build.
BUILD_ARGUMENTS: Final = {f"BUILD{name}": value for name, value in _VALUES.items()}
# A build without other options has one stage as its target, the last one, which is called default.
PREDEFINED: Final = BUILD_ARGUMENTS | {"TARGETSTAGE": "default"} | {f"TARGET{name}": _VALUES[name] for name in _VALUES}


def raise_if_other_flag(flag: str, platform: str) -> None:
    """Raise if a stage of a Dockerfile asks for another platform.

    BuildKit would build such a stage, and the image would still be labelled as one for linux/amd64.

    Args:
        flag: The flag as the Dockerfile spells it, for the error.
        platform: Its value, without variables.

    Raises:
        InvalidInput: if it is another platform, or depends on the engine.
    """
    if not _SPELLINGS.fullmatch(platform):
        raise InvalidInput(
            f"the Dockerfile's FROM {flag} is for another platform than {PLATFORM}",
            step="build",
            remedy="remove the flag, since images are built for one platform",
        )


def raise_if_other_image(name: str, platform: str) -> None:
    """Raise if an image that a build depends on is for another platform.

    If an image has a single platform, BuildKit takes it whatever platform it was asked for.

    Args:
        name: The image's name, for the error.
        platform: Its platform, normalized as ``OS/ARCHITECTURE[/VARIANT]``.

    Raises:
        InvalidInput: if it is for another platform.
    """
    if platform != _WITHOUT_ARCHITECTURE and platform.split("/")[:2] != PLATFORM.split("/"):
        raise InvalidInput(
            f"{name} is an image for {platform}, but images are built for {PLATFORM}",
            step="build",
            remedy=f"name an image that has {PLATFORM}",
        )
