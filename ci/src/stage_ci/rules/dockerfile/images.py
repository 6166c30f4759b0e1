"""The images that a build depends on: https://docs.docker.com/reference/dockerfile/#from."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from stage_ci.errors import InvalidInput, InvalidReference
from stage_ci.rules.dockerfile import words
from stage_ci.rules.dockerfile.instructions import Dockerfile, Instruction
from stage_ci.rules.dockerfile.platform import PREDEFINED, raise_if_other_flag
from stage_ci.rules.reference import Reference

# The reserved name of the empty image.
_SCRATCH: Final = "scratch"
# What ADD downloads: https://docs.docker.com/reference/dockerfile/#add
_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|git@|github\.com/)", re.IGNORECASE)


def base_images(text: str) -> tuple[str, ...]:
    """Return the images that a Dockerfile is built by, starts from, or copies from, each once.

    Earlier stages and ``scratch`` are not images.

    Args:
        text: The text of the file.

    Raises:
        InvalidInput: if the file has no FROM; if a here-document has no end; if the name of an image needs a variable
            without a default; if a stage is for another platform; or if ADD downloads something without a checksum, so
            that its content is no input.
    """
    dockerfile = Dockerfile.parse(text)
    bases = dict.fromkeys([dockerfile.syntax] if dockerfile.syntax else [])
    arguments, stages = dict(PREDEFINED), {_SCRATCH}
    variables: dict[str, str] = {}
    for instruction in dockerfile.instructions:
        match instruction.name:
            case "FROM":
                name, stage = _start(instruction, stages, arguments, dockerfile.escape)
                if name.lower() not in stages:
                    bases[name] = None
                stages.add(stage)
                variables = {}
            case "ARG" if len(stages) == 1:
                arguments |= _assignments(instruction, arguments, dockerfile.escape)
            case "ARG" | "ENV":
                known = arguments | variables
                variables |= _assignments(instruction, known, dockerfile.escape)
            case "ADD":
                _raise_if_remote(instruction, variables, dockerfile.escape)
        bases |= dict.fromkeys(_copied_from(instruction, stages))
    if len(stages) == 1:
        raise InvalidInput("the Dockerfile has no FROM", step="build", remedy="start the Dockerfile with FROM")
    return tuple(bases)


def _start(instruction: Instruction, stages: set[str], arguments: Mapping[str, str], escape: str) -> tuple[str, str]:
    """Return the image or the stage that a stage starts from, and the stage's own name in lower case."""
    match instruction.arguments.split():
        case [written]:
            stage = ""
        case [written, keyword, stage] if keyword.upper() == "AS":
            pass
        case _:
            raise InvalidInput(
                f"the Dockerfile's FROM {instruction.arguments} is not understood",
                step="build",
                remedy="write FROM image, or FROM image AS stage",
            )
    name = _substitute(f"FROM {written}", written, arguments, escape)
    for flag in instruction.flags:
        option, _, value = flag.partition("=")
        if option == "--platform":
            raise_if_other_flag(flag, _substitute(f"FROM {flag}", value, arguments, escape))
    try:
        if name.lower() not in stages:
            Reference.parse(name)
    except InvalidReference as error:
        if "$" not in written:
            raise
        raise InvalidInput(
            f"the Dockerfile's FROM {written} uses a variable without a default",
            step="build",
            remedy="give the ARG a default",
        ) from error
    return name, stage.lower()


def _assignments(instruction: Instruction, known: Mapping[str, str], escape: str) -> dict[str, str]:
    """Return the variables that ARG or ENV sets, each with its value."""
    found: dict[str, str] = {}
    text = instruction.arguments
    written = words.split(text) or text.split()
    if instruction.name == "ENV" and written and "=" not in written[0]:  # ENV name value
        name, _, value = text.partition(" ")
        return {name: _substitute(text, value.strip(), known, escape)}
    for word in written:
        name, equals, value = word.partition("=")
        if equals:
            found[name] = _substitute(word, value, {**known, **found}, escape)
    return found


def _raise_if_remote(instruction: Instruction, variables: Mapping[str, str], escape: str) -> None:
    sources = instruction.json or words.split(instruction.arguments) or instruction.arguments.split()
    has_checksum = any(flag.startswith("--checksum=") for flag in instruction.flags)
    for source in sources[:-1]:
        if _REMOTE.match(_substitute(f"ADD {source}", source, variables, escape)) and not has_checksum:
            raise InvalidInput(
                f"the Dockerfile's ADD {source} downloads what may change, so it cannot be an input of the image",
                step="build",
                remedy="give ADD a --checksum=sha256:…, or COPY a file of the source",
            )


def _copied_from(instruction: Instruction, stages: set[str]) -> Iterator[str]:
    """Yield the images that an instruction copies or mounts files from; stages and their numbers are not images."""
    for flag in instruction.flags:
        option, _, value = flag.partition("=")
        found = {"--from": [value], "--mount": re.findall(r"(?:^|,)\s*from=([^,]*)", value)}.get(option.lower(), [])
        for name in found:
            if "$" in name:
                raise InvalidInput(
                    f"the Dockerfile's {flag} uses a variable, which Docker does not replace there",
                    step="build",
                    remedy="name a stage that starts FROM the variable",
                )
            if name and not name.isdecimal() and name.lower() not in stages:
                yield name


def _substitute(written: str, text: str, variables: Mapping[str, str], escape: str) -> str:
    try:
        return words.substitute(text, variables, escape)
    except words.WordError as error:
        raise InvalidInput(
            f"the Dockerfile's {written} is not understood: {error}",
            step="build",
            remedy="write the value without that substitution",
        ) from error
