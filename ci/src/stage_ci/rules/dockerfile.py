"""What a Dockerfile says of its base images: https://docs.docker.com/reference/dockerfile/#from."""

import re
from typing import Final

from stage_ci.errors import InvalidInput

_FROM: Final = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE)
_ARG: Final = re.compile(r"^\s*ARG\s+(\w+)=(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
# The reserved name of an empty image.
_SCRATCH: Final = "scratch"


def base_images(dockerfile: str) -> tuple[str, ...]:
    """Return the images a Dockerfile starts from, each once, in order; earlier stages and ``scratch`` are none.

    Raises:
        InvalidInput: if the file has no FROM, or one whose variable has no default before it.
    """
    defaults = {name: value.strip("\"'") for name, value in _ARG.findall(dockerfile)}
    stages: set[str] = {_SCRATCH}
    bases: dict[str, None] = {}
    for image, stage in _FROM.findall(dockerfile):
        name = _VARIABLE.sub(lambda match: defaults.get(match[1], match[0]), image)
        if "$" in name:
            raise InvalidInput(
                f"the Dockerfile's FROM {image} uses a variable without a default",
                step="build",
                remedy="give the ARG a default",
            )
        if name.lower() not in stages:
            bases[name] = None
        stages.add(stage.lower())
    if not bases and len(stages) == 1:
        raise InvalidInput("the Dockerfile has no FROM", step="build", remedy="start the Dockerfile with FROM")
    return tuple(bases)
