"""Waivers: findings that an owner accepts until a date, listed in the source's .trivyignore.yaml.

The format is Trivy's (https://trivy.dev/docs/latest/configuration/filtering/#trivyignoreyaml) with an additional key,
``owner``, which Trivy ignores. This module is stricter than Trivy: each entry needs an owner and an end date within a
year, and an unknown key is an error, because Trivy would ignore a misspelt limit and suppress more than was meant. An
entry for a secret also needs its paths: a rule such as ``private-key`` alone would allow every key in the image.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stage_ci.errors import InvalidWaiver
from stage_ci.rules.path_pattern import compile_pattern

WAIVERS_FILE: Final = ".trivyignore.yaml"
# Other names of such a list. A .trivyignore is plain text and has no place for an owner.
_OTHER_NAMES: Final = frozenset({".trivyignore", ".trivyignore.yml"})
VULNERABILITIES: Final = "vulnerabilities"
SECRETS: Final = "secrets"
# The sections of Trivy's other scanners, which do not run here, have no effect.
_SECTIONS: Final = frozenset({VULNERABILITIES, SECRETS, "misconfigurations", "licenses"})
_KEYS: Final = {
    VULNERABILITIES: frozenset({"id", "owner", "expired_at", "statement", "purls", "paths"}),
    SECRETS: frozenset({"id", "owner", "expired_at", "statement", "paths"}),
}
# The keys that limit an entry, and the start of their items: purls as in https://github.com/package-url/purl-spec.
_LIMITS: Final = {"purls": re.compile(r"pkg:[A-Za-z][A-Za-z0-9.+-]*/\S"), "paths": re.compile(r"\S")}
# Characters: thousands of entries, which take a second to read.
_MAX_CHARACTERS: Final = 200_000
_MAX_DEPTH: Final = 20
_INVALID: Final = f"invalid {WAIVERS_FILE}"
# So that somebody looks at each entry again: a year, leap or not.
_LONGEST: Final = timedelta(days=366)
_STATEMENT: Final = 200  # characters of a waiver that a report repeats


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry of the list.

    Attributes:
        identifier: The vulnerability, such as ``CVE-2026-1``, or the rule that finds the secret, such as
            ``private-key``.
        owner: The person, team or address that accepts the finding.
        expires: The first day in UTC on which the entry has expired, Trivy's ``expired_at``.
        statement: The reason; may be empty.
        limits: The ``purls`` and ``paths`` that Trivy matches in addition to the identifier.
    """

    identifier: str
    owner: str
    expires: date
    statement: str
    limits: Mapping[str, list[str]]

    def covers(self, identifier: str, purl: str, *paths: str) -> bool:
        """Return whether the entry is for a vulnerability in a package, by the rules of Trivy.

        Args:
            identifier: The vulnerability.
            purl: The package URL of the package that has it.
            paths: The path of the package's file in the image, and what Trivy calls the target; one of them counts.
        """
        patterns = [compile_pattern(limit) for limit in self.limits.get("paths", ["**"])]
        purls = self.limits.get("purls")
        return (
            identifier == self.identifier
            and (purls is None or any(_is_of(purl, limit) for limit in purls))
            and any(pattern.fullmatch(path) for pattern in patterns for path in paths)
        )

    def __str__(self) -> str:
        reason = f": {self.statement}" if self.statement else ""
        return textwrap.shorten(f"until {self.expires} by {self.owner}{reason}", _STATEMENT, placeholder=" …")


@dataclass(frozen=True, slots=True)
class Waivers:
    """The entries of one section of a list, on one day."""

    active: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @classmethod
    def read(cls, text: str, today: date, section: str = VULNERABILITIES) -> Self:
        """Return the entries of one section in the text of a list.

        Args:
            text: The text of the file.
            today: The day of the scan, in UTC; as for Trivy, an entry expires when its ``expired_at`` begins.
            section: VULNERABILITIES or SECRETS.

        Raises:
            InvalidWaiver: if the text has another format, or an entry has no identifier, owner or end date, or does not
                end within a year.
        """
        entries = tuple(_entries(text, section))
        for number, entry in enumerate(entries, start=1):
            if entry.expires - today > _LONGEST:
                raise InvalidWaiver(
                    f"{_INVALID}: entry {number} ({entry.identifier}): expected expired_at to be within a year",
                    remedy=f"give a date up to {today + _LONGEST}",
                )
        return cls(
            active=tuple(entry for entry in entries if today < entry.expires),
            expired=tuple(entry for entry in entries if entry.expires <= today),
        )

    def for_trivy(self) -> str:
        """Return the active entries as Trivy's list, with owner and end date in the statement.

        Trivy gets no dates, so its own clock does not matter. The list changes on the day on which an entry expires,
        and with it the cache key of the scan.
        """
        entries = [{"id": entry.identifier, "statement": str(entry), **entry.limits} for entry in self.active]
        return json.dumps({VULNERABILITIES: entries}, ensure_ascii=False)  # any JSON text is YAML

    def expired_for(self, identifier: str, purl: str, *paths: str) -> Waiver | None:
        """Return the entry for a vulnerability in a package that expired last; None if none has expired."""
        expired = (entry for entry in self.expired if entry.covers(identifier, purl, *paths))
        return max(expired, key=lambda entry: entry.expires, default=None)


def raise_if_misnamed_list(names: set[str]) -> None:
    """Raise if one of the file names is a list of waivers that Trivy knows, but that the pipeline does not read.

    Raises:
        InvalidWaiver: names the first such file.
    """
    for name in sorted(names & _OTHER_NAMES):
        raise InvalidWaiver(
            f"{name} is not read", remedy=f"move its entries to {WAIVERS_FILE}, each with owner and expired_at"
        )


def _entries(text: str, section: str) -> Iterator[Waiver]:
    document = _load(text)
    if document is None:
        return
    if not isinstance(document, dict):
        raise InvalidWaiver(f"{_INVALID}: expected a mapping with a list of {VULNERABILITIES}")
    _raise_if_unknown_key(document, _SECTIONS, _INVALID)
    entries = document.get(section) or []
    if not isinstance(entries, list):
        raise InvalidWaiver(f"{_INVALID}: expected {section} to be a list")
    for number, entry in enumerate(entries, start=1):
        yield _waiver(entry, section, f"{_INVALID}: entry {number}")


def _load(text: str) -> Any:  # noqa: ANN401 - YAML of any type
    if len(text) > _MAX_CHARACTERS:
        raise InvalidWaiver(f"{_INVALID}: more than {_MAX_CHARACTERS} characters")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _MAX_DEPTH
    try:
        return yaml.load(text)
    except (YAMLError, ValueError, OverflowError, TypeError) as error:  # the last three: from converting scalars
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidWaiver(f"{_INVALID}: invalid YAML{line}") from error


def _waiver(entry: Any, section: str, where: str) -> Waiver:  # noqa: ANN401 - YAML of any type
    if not isinstance(entry, dict):
        raise InvalidWaiver(f"{where}: expected a mapping")
    identifier = _text(entry, "id", where)
    where = f"{where} ({identifier})"
    _raise_if_unknown_key(entry, _KEYS[section], where)
    expires = entry.get("expired_at")
    if type(expires) is not date:  # datetime is a subclass of date
        raise InvalidWaiver(f"{where}: expected expired_at to be a date")
    limits = {key: _texts(entry[key], key, where) for key in _LIMITS if entry.get(key) is not None}
    if section == VULNERABILITIES:
        _raise_if_no_pattern(limits.get("paths", []), where)
    if section == SECRETS and "paths" not in limits:
        raise InvalidWaiver(f"{where}: paths are missing", remedy="list the files that may hold the secret")
    statement = _text(entry, "statement", where) if entry.get("statement") is not None else ""
    return Waiver(identifier, _text(entry, "owner", where), expires, statement, limits)


def _text(entry: Mapping[Any, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not _line(value):
        raise InvalidWaiver(f"{where}: expected {key} to be a text")
    return _line(value)


def _is_of(purl: str, limit: str) -> bool:
    """Return whether a package is one of those that a package URL is for, whose version and qualifiers may be missing.

    Rules: aquasecurity/trivy, pkg/purl/purl.go, Match.
    """
    (name, version, qualifiers), (limited, limited_version, wanted) = _parts(purl), _parts(limit)
    return name == limited and limited_version in ("", version) and wanted.items() <= qualifiers.items()


def _parts(purl: str) -> tuple[str, str, dict[str, str]]:
    """Return the name with its type and namespace, the version and the qualifiers in a package URL."""
    path, _, query = purl.partition("#")[0].partition("?")
    # A scope may begin with @ as well, but it is no last part.
    namespace, _, last = path.rpartition("/")
    name, _, version = last.partition("@")
    full = unquote(f"{namespace}/{name}")
    if full.lower().startswith("pkg:pypi/"):
        full = full.lower().replace("_", "-")
    return full, unquote(version), dict(parse_qsl(query))


def _line(text: str) -> str:
    # An escape in a YAML string can name characters that YAML itself does not allow, which for_trivy() would write.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _texts(value: Any, key: str, where: str) -> list[str]:  # noqa: ANN401 - YAML of any type
    items = value if isinstance(value, list) else []
    texts = [text for text in items if isinstance(text, str) and _LIMITS[key].match(text)]
    if not texts or texts != items:
        raise InvalidWaiver(f"{where}: expected {key} to be a list of {key}")
    return texts


def _raise_if_no_pattern(paths: Iterable[str], where: str) -> None:
    for path in paths:
        try:
            compile_pattern(path)
        except ValueError as error:
            cause = f"{where}: invalid pattern {path[:60]!r}"
            raise InvalidWaiver(cause, remedy="close each bracket and brace") from error


def _raise_if_unknown_key(mapping: Mapping[Any, Any], known: frozenset[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            cause = f"unknown key {key!r}" if isinstance(key, str) else "a key is not a text"
            raise InvalidWaiver(f"{where}: {cause}", remedy=f"use {', '.join(sorted(known))}")
