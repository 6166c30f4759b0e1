"""The images that a build depends on: https://docs.docker.com/reference/dockerfile/#from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from stage_ci.errors import InvalidInput, InvalidReference
from stage_ci.rules.build_failure import without_credentials
from stage_ci.rules.dockerfile import words
from stage_ci.rules.dockerfile.instructions import Dockerfile, Instruction
from stage_ci.rules.dockerfile.platform import BUILD_ARGUMENTS, PREDEFINED, raise_if_other_flag
from stage_ci.rules.reference import Reference

# The reserved name of the empty image.
_SCRATCH: Final = "scratch"
# What ADD downloads, as BuildKit's util/gitutil recognizes it; github.com/… without a scheme is a path there.
_REMOTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:")
# A clone of one commit, which is always the same: BuildKit's source/git.
_COMMIT: Final = re.compile(
    r"(?:(?i:https?)://[^?#]*\.git|(?i:ssh|git)://[^?#]*|[A-Za-z0-9_-]+@[^#]*)#[0-9a-f]{40}(?::.*)?"
)


def base_images(text: str) -> tuple[str, ...]:
    """Return the images that a Dockerfile is built by, starts from, or copies from, each once.

    Earlier stages and ``scratch`` are not images.

    Args:
        text: The text of the file.

    Raises:
        InvalidInput: if the file has no FROM; if a here-document has no end; if the name of an image needs a variable
            without a default, or versions of BuildKit read it in two ways; if a stage is for another platform, or is
            copied from before it; or if ADD downloads something without a checksum or a commit, so that its content is
            no input.
    """
    dockerfile = Dockerfile.parse(text)
    froms = [each.arguments.lower().split() for each in dockerfile.instructions if each.name == "FROM"]
    names = frozenset(name for each in froms for name in each[2:])
    reader = _Reader(dockerfile.escape, names, dict.fromkeys([dockerfile.syntax] if dockerfile.syntax else []))
    for instruction in dockerfile.instructions:
        reader.read(instruction)
    if not reader.stage:
        raise InvalidInput("the Dockerfile has no FROM", step="build", remedy="start the Dockerfile with FROM")
    return tuple(reader.images)


@dataclass
class _Stage:
    """What stages that start from this one inherit: the values of its variables, and what it has in ONBUILD."""

    variables: dict[str, str] = field(default_factory=dict)
    triggers: list[Instruction] = field(default_factory=list)


@dataclass
class _Reader:
    """Reads instructions one after the other.

    Attributes:
        escape: The escape character of the file.
        names: The names of all stages, in lower case.
        images: The images found so far.
        arguments: The values of the variables in FROM.
        blank: Those without a default. Engine 0.19.10 reads them as empty, newer versions of BuildKit as not set.
        stages: The stages that have a name, by this name in lower case.
        stage: The stage that is being read; None before the first.
    """

    escape: str
    names: frozenset[str]
    images: dict[str, None]
    arguments: dict[str, str] = field(default_factory=lambda: dict(PREDEFINED))
    blank: dict[str, str] = field(default_factory=dict)
    stages: dict[str, _Stage] = field(default_factory=lambda: {_SCRATCH: _Stage()})
    stage: _Stage | None = None

    def read(self, instruction: Instruction) -> None:
        """Read the next instruction.

        Raises:
            InvalidInput: as of `base_images`.
        """
        if instruction.name == "FROM":
            self._start(instruction)
        elif self.stage:
            self._run(self.stage, instruction)
        elif instruction.name == "ARG":
            found = self._declared(instruction, self.arguments)
            self.arguments |= found
            names = {word.partition("=")[0] for word in self._words(instruction) if "=" not in word}
            self.blank = dict.fromkeys(self.blank.keys() - found.keys() | names - BUILD_ARGUMENTS.keys(), "")

    def _start(self, instruction: Instruction) -> None:
        """Start a stage from an image, or from another stage with what it leaves."""
        match instruction.arguments.split():
            case [written]:
                stage_name = ""
            case [written, keyword, stage_name] if keyword.upper() == "AS":
                pass
            case _:
                raise InvalidInput(
                    f"the Dockerfile's FROM {instruction.arguments} is not understood",
                    step="build",
                    remedy="write FROM image, or FROM image AS stage",
                )
        name = self._name(written)
        for option, value in _options(instruction.flags):
            if option == "--platform":
                flag = f"{option}={value}"
                raise_if_other_flag(flag, self._substitute(f"FROM {flag}", value, self.arguments))
        base = self.stages.get(name.lower())
        if not base:
            self.images[name] = None
        self.stage = _Stage(dict(base.variables) if base else {})
        for trigger in base.triggers if base else []:
            self._run(self.stage, trigger)
        if stage_name:
            self.stages[stage_name.lower()] = self.stage

    def _name(self, written: str) -> str:
        """Return the image or the stage that a FROM names."""
        name = self._substitute(f"FROM {written}", written, self.arguments)
        older = self._substitute(f"FROM {written}", written, self.arguments | self.blank)
        if older != name and self._is_known(older):
            raise InvalidInput(
                f"the Dockerfile's FROM {written} is {older} or {name}, because not every BuildKit reads it alike",
                step="build",
                remedy="give the ARG a default, or write ${NAME:-default} with a colon",
            )
        if not self._is_known(name):
            if "$" not in written:
                Reference.parse(name)
            raise InvalidInput(
                f"the Dockerfile's FROM {written} uses a variable without a default",
                step="build",
                remedy="give the ARG a default",
            )
        return name

    def _is_known(self, name: str) -> bool:
        try:
            Reference.parse(name)
        except InvalidReference:
            return name.lower() in self.stages
        return True

    def _run(self, stage: _Stage, instruction: Instruction) -> None:
        """Read an instruction of a stage."""
        match instruction.name:
            case "ARG":
                stage.variables |= self._declared(instruction, stage.variables)
            case "ENV":
                stage.variables |= self._set(instruction, stage.variables)
            case "ADD":
                self._raise_if_remote(instruction, stage.variables)
            case "ONBUILD":
                stage.triggers.append(Instruction.parse(instruction.arguments))
        for name in _copied_from(instruction, self.stages):
            if name.lower() in self.names:
                raise InvalidInput(
                    f"the Dockerfile copies from the stage {name} before that stage",
                    step="build",
                    remedy="move the stage in front of the one that copies from it",
                )
            self.images[name] = None

    def _declared(self, instruction: Instruction, known: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of an ARG: its defaults, unless the build gives a value, and those before any FROM."""
        found: dict[str, str] = {}
        for word in self._words(instruction):
            name, equals, value = word.partition("=")
            if equals and name not in BUILD_ARGUMENTS:
                found[name] = self._substitute(word, value, {**known, **found})
            elif name in self.arguments:
                found[name] = self.arguments[name]
        return found

    def _set(self, instruction: Instruction, known: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of an ENV, whose values do not see one another."""
        written = self._words(instruction)
        if written and "=" not in written[0]:  # ENV name value
            name, *value = instruction.arguments.split(maxsplit=1)
            return {name: self._substitute(instruction.arguments, "".join(value), known)}
        pairs = [(word, *word.partition("=")) for word in written]
        return {name: self._substitute(word, value, known) for word, name, _, value in pairs}

    def _raise_if_remote(self, instruction: Instruction, variables: Mapping[str, str]) -> None:
        for option, value in _options(instruction.flags):
            if option == "--checksum" and self._substitute(f"ADD {option}={value}", value, variables):
                return
        for source in (instruction.json or self._words(instruction))[:-1]:
            found = self._substitute(f"ADD {source}", source, variables)
            if _REMOTE.match(found) and not _COMMIT.fullmatch(found):
                raise InvalidInput(
                    f"the Dockerfile's ADD {without_credentials(source)} downloads what may change, "
                    "so it cannot be an input of the image",
                    step="build",
                    remedy="give ADD a --checksum=sha256:…, or a repository the whole #COMMIT, or COPY a file",
                )

    def _words(self, instruction: Instruction) -> list[str]:
        return words.split(instruction.arguments, self.escape) or instruction.arguments.split()

    def _substitute(self, written: str, text: str, variables: Mapping[str, str]) -> str:
        try:
            return words.substitute(text, variables, self.escape)
        except words.WordError as error:
            raise InvalidInput(
                f"the Dockerfile's {written} is not understood: {error}",
                step="build",
                remedy="write the value without that substitution",
            ) from error


def _options(flags: Iterable[str]) -> Iterator[tuple[str, str]]:
    for flag in flags:
        option, _, value = flag.partition("=")
        yield option, value


def _copied_from(instruction: Instruction, stages: Iterable[str]) -> Iterator[str]:
    """Yield the images that an instruction copies or mounts files from; stages and their numbers are not images."""
    for option, value in _options(instruction.flags):
        mounted = re.findall(r"(?:^|,)\s*from=([^,]*)", value, re.IGNORECASE)
        for name in {"--from": [value], "--mount": mounted}.get(option, []):
            if "$" in name:
                raise InvalidInput(
                    f"the Dockerfile's {option}={value} uses a variable, which Docker does not replace there",
                    step="build",
                    remedy="name a stage that starts FROM the variable",
                )
            if name and not name.isdecimal() and name.lower() not in stages:
                yield name
