"""Requirement files: which packages a file names, and what it takes to install it.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/, where a requirement is one of PEP 508.
"""

import argparse
import posixpath
import re
import shlex
import urllib.parse
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from stage_ci.errors import InvalidInput
from stage_ci.rules.requirement_text import logical_lines

# The Python of the containers, for which markers are evaluated; the rest of their environment is the module's own.
PYTHON: Final = {"python_version": "3.11", "python_full_version": "3.11.0"}
_ARCHIVES: Final = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
# A version control and how it is reached, also in the short form git+git@host:path, which pip and uv do not read.
_CONTROLLED: Final = re.compile(r"([a-z]+)\+([^:/]+):")
_NAMED: Final = re.compile(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@\s*(?=\S)")
_EXTRAS: Final = re.compile(r"(?<=.)\[[^\]]*\]$")
# A user and a password in an address without a scheme.
_USER: Final = re.compile(r"(?<![^\s@])[^\s@]+@(?=[^\s@])")
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")
# Options with several values, of which uv reads one in a line.
_LISTED: Final = re.compile(r"(--no-binary|--only-binary)[= ](.*,.*)")
_INDEX: Final = "install it from an index, or from a path inside the source"
_NO_VARIABLE: Final = "write the value, or install from an index that needs none"
_UPLOADED: Final = "check the path, and whether --source uploads it: `dagger call lint --help` lists what it leaves out"


# The options that name a file, a folder or a server, by the name under which they are written for uv.
_NAMING: Final = {
    "--requirement": ("-r",),
    "--constraint": ("-c",),
    "--editable": ("-e",),
    "--find-links": ("-f",),
    "--index-url": ("-i", "--pypi-url"),
    "--extra-index-url": (),
}
_INCLUDING: Final = ("--requirement", "--constraint")
# Of a line with one of these, pip ignores further ones and the options of the installation.
_ALONE: Final = ("--editable", *_INCLUDING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name, others in _NAMING.items():
        parser.add_argument(name, *others, dest=name, action="append", default=[])
    return parser


_OPTIONS: Final = _parser()


def read_requirements(text: str) -> Iterator[Requirement]:
    r"""Yield the requirements in the text of a requirement file.

    Options, inclusions of other files, paths and bare URLs name no package and are left out.

    >>> [str(requirement) for requirement in read_requirements("-r base\nnumpy>=2 \\\n    --hash=sha256:00\n")]
    ['numpy>=2']

    Args:
        text: The file.
    """
    for _, line in logical_lines(text):
        try:
            yield Requirement(_split(line)[0])
        except InvalidRequirement:
            continue


@dataclass(frozen=True, slots=True)
class RequirementFile:
    """What a requirement file needs to be installed.

    Attributes:
        text: What uv has to read to install what pip installs from the file: no comments, one option in each line.
        includes: The paths in the source of the files that it includes by -r and -c.
        local: The files and folders of the source from which it installs; ``.`` is the whole source.
        uses_git: Whether a requirement is cloned by git.
    """

    text: str
    includes: tuple[str, ...]
    local: tuple[str, ...]
    uses_git: bool

    @classmethod
    def parse(cls, path: str, text: str, paths: Collection[str]) -> Self:
        """Return what the file ``path`` needs.

        Like pip, this reads an included file relative to the including one, and a package relative to the root of the
        source, where the installation runs.

        Args:
            path: The path of the file in the source.
            text: Its text.
            paths: The paths of all files of the source.

        Raises:
            InvalidInput: if it includes or installs what is not in the source, or needs a variable, a key of ssh, or
                another version control than git; names the line.
        """
        read = [_Line(path, number, paths).read(line) for number, line in logical_lines(text)]
        return cls(
            "".join(f"{line}\n" for each in read for line in each.lines),
            tuple(dict.fromkeys(name for each in read for name in each.includes)),
            tuple(dict.fromkeys(name for each in read for name in each.local)),
            any(each.uses_git for each in read),
        )


def uv_options(files: Iterable[RequirementFile]) -> list[str]:
    """Return the options with which uv installs files as pip does, beside what it reads in them.

    pip prefers no index to another, where uv takes the first that has a package, and uv ignores two options of a file:
    https://docs.astral.sh/uv/pip/compatibility/.
    """
    lines = [line for file in files for line in file.text.splitlines()]
    options = ["--index-strategy=unsafe-best-match"]
    options += ["--prerelease=allow"] if "--pre" in lines else []
    hosts = [re.split(r"[= ]", line, maxsplit=1)[1] for line in lines if re.match(r"--trusted-host[= ]", line)]
    return [*options, *(f"--allow-insecure-host={host}" for host in dict.fromkeys(hosts))]


def _split(line: str) -> tuple[str, str]:
    """Return the requirement in front of a line's options, and the options."""
    words = line.split(" ")
    count = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:count]).strip(), " ".join(words[count:]).strip()


@dataclass
class _Needs:
    """What one line needs, and the lines that are written for it."""

    lines: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    uses_git: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a requirement file, and the paths of the source."""

    file: str
    number: int
    paths: Collection[str]

    def error(self, reason: str, remedy: str) -> InvalidInput:
        shown = _USER.sub("***@", reason)
        return InvalidInput(f"line {self.number} of {self.file} {shown}", step="source", remedy=remedy)

    def read(self, text: str) -> _Needs:
        """Return what the line needs.

        Raises:
            InvalidInput: if it cannot be installed.
        """
        if found := _VARIABLE.search(text):
            raise self.error(f"needs the variable {found[0]}, which the container does not have", _NO_VARIABLE)
        needs = _Needs()
        written, options = _split(text)
        if written:
            self._add_package(needs, written, editable=False)
            needs.lines.append(text)
            return needs
        try:
            named, others = _OPTIONS.parse_known_args(shlex.split(options))
        except (argparse.ArgumentError, ValueError):
            needs.lines.append(text)  # uv names what is wrong
            return needs
        alone = next((name for name in _ALONE if getattr(named, name)), "")
        used = {alone: getattr(named, alone)[:1]} if alone else vars(named)
        for name, values in used.items():
            for value in values:
                self._add_option(needs, name, value)
        if alone not in _INCLUDING:
            self._add_others(needs, others, is_alone=bool(alone))
        return needs

    def _add_others(self, needs: _Needs, words: Sequence[str], *, is_alone: bool) -> None:
        """Add the options that name nothing, for which uv reads a line of their own, and their values."""
        for word in words:
            if word.startswith("-") and not is_alone:
                needs.lines.append(word)
            # pip ignores words that belong to no option.
            elif needs.lines and words[0].startswith("-"):
                needs.lines[-1] += f" {_quoted(word)}"
        needs.lines = [each for line in needs.lines for each in _split_values(line)]

    def _add_option(self, needs: _Needs, name: str, value: str) -> None:
        path = self._path(value)
        if name == "--editable":
            is_clone = self._add_package(needs, value, editable=True)
            # uv refuses an editable clone, which the tests import just as well if it is none.
            needs.lines.append(value if is_clone else f"{name} {_quoted(value)}")
        elif path is None:
            needs.lines.append(f"{name} {_quoted(value)}")
        else:
            found = self._included(value, path) if name in _INCLUDING else self._index(value, path)
            (needs.includes if name in _INCLUDING else needs.local).append(found)
            needs.lines.append(f"{name} {_quoted(posixpath.relpath(found, posixpath.dirname(self.file) or '.'))}")

    def _add_package(self, needs: _Needs, written: str, *, editable: bool) -> bool:
        """Add what a package needs, and return whether git clones it."""
        source, is_wanted = _source_of(written)
        if not is_wanted:
            return False
        if control := _CONTROLLED.match(source.lower()):
            self._raise_if_not_git(*control.groups())
            needs.uses_git = True
            return True
        path = self._path(source)
        if path is None:
            return False
        if editable or _SCHEME.match(source) or path.startswith(".") or "/" in path or path.lower().endswith(_ARCHIVES):
            needs.local.append(self._present(source, path))
        return False

    def _raise_if_not_git(self, control: str, transport: str) -> None:
        if control != "git":
            raise self.error(
                f"needs {control}, which the container does not have", "install it by git+https or from an index"
            )
        if transport not in {"http", "https", "git"}:
            raise self.error(f"clones by {transport}, for which the container has no key", "write it as git+https://…")

    def _included(self, written: str, path: str) -> str:
        found = self._inside(written, posixpath.join(posixpath.dirname(self.file), path))
        if found not in self.paths:
            raise self.error(f"includes {written}, which is not in the source", _UPLOADED)
        return found

    def _index(self, written: str, path: str) -> str:
        """Return the folder of packages; like pip, this looks beside the file first, and then at the root."""
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self.file), path))
        return self._present(written, beside if self._exists(beside) else path)

    def _path(self, written: str) -> str | None:
        """Return the path that a word names, without scheme, extras and fragment; None if it is a URL of a server."""
        scheme = _SCHEME.match(written)
        if scheme and scheme[1].lower() != "file":
            return None
        if scheme:
            # Not read as a URL: pip and uv take file:lib and file://./lib for paths, and //host/ for this machine.
            written = re.sub(r"^(?://(?:localhost(?=/))?)", "", urllib.parse.unquote(written.partition(":")[2]))
        return _EXTRAS.sub("", written.partition("#")[0].strip())

    def _inside(self, written: str, path: str) -> str:
        normal = posixpath.normpath(path)
        if posixpath.isabs(normal) or normal == ".." or normal.startswith("../"):
            raise self.error(f"needs {written}, which is not inside the source", _INDEX)
        return normal

    def _present(self, written: str, path: str) -> str:
        found = self._inside(written, path)
        if not self._exists(found):
            raise self.error(f"needs {written}, which is not in the source", _UPLOADED)
        return found

    def _exists(self, path: str) -> bool:
        return path == "." or any(f"{present}/".startswith(f"{path}/") for present in self.paths)


def _quoted(value: str) -> str:
    return shlex.quote(value) if any(character.isspace() for character in value) else value


def _split_values(line: str) -> list[str]:
    found = _LISTED.fullmatch(line)
    return [f"{found[1]} {value}" for value in found[2].replace(",", " ").split()] if found else [line]


def _source_of(written: str) -> tuple[str, bool]:
    """Return where a requirement comes from, without name and marker, and whether the marker is true.

    pip takes a semicolon in a URL for a part of it unless a blank follows.
    """
    source = written[named.end() :] if (named := _NAMED.match(written)) else written
    source, _, marker = source.partition("; " if _SCHEME.match(source) else ";")
    try:
        return source.strip(), not marker.strip() or Marker(marker.strip()).evaluate(PYTHON)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return source.strip(), True
