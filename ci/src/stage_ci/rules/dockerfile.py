"""The base images of a Dockerfile: https://docs.docker.com/reference/dockerfile/#from."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from stage_ci.errors import InvalidInput

_FROM: Final = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_ARG: Final = re.compile(r"ARG\s+(.*)", re.IGNORECASE | re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}$]*))?\})")
_CONTINUED: Final = re.compile(r"\\[ \t]*$")
_FROM_OPTION: Final = re.compile(r"(?:--from=|--mount=\S*\bfrom=)([^\s,]+)")
_HEREDOC: Final = re.compile(r"<<(-?)([\"']?)(\w+)\2")
# The reserved name of the empty image.
_SCRATCH: Final = "scratch"


def base_images(dockerfile: str) -> tuple[str, ...]:
    """Return the images that a Dockerfile starts from or copies from, each once.

    Earlier stages and ``scratch`` are not images.

    Args:
        dockerfile: The text of the file.

    Raises:
        InvalidInput: if the file has no FROM, or if a FROM uses a variable without a default before it.
    """
    defaults: dict[str, str] = {}
    stages: set[str] = {_SCRATCH}
    bases: dict[str, None] = {}
    for instruction in _instructions(dockerfile):
        if (argument := _ARG.fullmatch(instruction)) and len(stages) == 1:
            defaults.update(_defaults(argument[1], defaults))
        if start := _FROM.fullmatch(instruction):
            name = _substitute(start[1].strip("\"'"), defaults)
            if "$" in name or not name:
                raise InvalidInput(
                    f"the Dockerfile's FROM {start[1]} uses a variable without a default",
                    step="build",
                    remedy="give the ARG a default",
                )
            if name.lower() not in stages:
                bases[name] = None
            stages.add((start[2] or "").lower())
        elif not instruction.upper().startswith("FROM"):
            bases |= dict.fromkeys(_copied_from(instruction, stages))
    if len(stages) == 1:
        raise InvalidInput("the Dockerfile has no FROM", step="build", remedy="start the Dockerfile with FROM")
    return tuple(bases)


def _copied_from(instruction: str, stages: set[str]) -> Iterator[str]:
    """Yield the images that an instruction copies files from; numbers and names of stages are not images."""
    for name in _FROM_OPTION.findall(instruction):
        if not name.isdecimal() and name.lower() not in stages:
            yield name


def _instructions(dockerfile: str) -> Iterator[str]:
    """Yield each instruction as one line, without comments and here-documents."""
    lines = iter(dockerfile.removeprefix("\ufeff").splitlines())
    instruction = ""
    for line in lines:
        if line.lstrip().startswith("#") or (instruction and not line.strip()):
            continue
        instruction += _CONTINUED.sub(" ", line)
        if _CONTINUED.search(line):
            continue
        yield instruction.strip()
        for dash, _, end in _HEREDOC.findall(instruction):
            for inner in lines:
                if (inner.lstrip("\t") if dash else inner) == end:
                    break
        instruction = ""
    yield instruction.strip()


def _defaults(text: str, known: dict[str, str]) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        return {}
    pairs = (word.partition("=") for word in words)
    return {name: _substitute(value, known) for name, equals, value in pairs if equals}


def _substitute(text: str, defaults: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: defaults.get(found[1] or found[2], found[3] or found[0]), text)
