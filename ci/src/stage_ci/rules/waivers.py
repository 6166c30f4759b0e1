"""Findings that somebody answers for until a day: the source's .trivyignore.yaml.

The format is Trivy's (https://trivy.dev/docs/latest/configuration/filtering/#trivyignoreyaml) with one key more,
``owner``, which Trivy passes over. It is read more strictly than Trivy does: an entry names its owner and the day on
which it ends, and a key that is misspelt is refused instead of widening the entry.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stage_ci.errors import InvalidWaiver

WAIVERS_FILE: Final = ".trivyignore.yaml"
# Names under which Trivy's users keep such a list as well, none of which has a place for an owner or is asked for here.
_OTHER_NAMES: Final = frozenset({".trivyignore", ".trivyignore.yml"})
_SECTION: Final = "vulnerabilities"
# Trivy's other scanners do not run here, so that their sections are without effect.
_SECTIONS: Final = frozenset({_SECTION, "misconfigurations", "secrets", "licenses"})
_KEYS: Final = frozenset({"id", "owner", "expired_at", "statement", "purls", "paths"})
# What limits an entry, and how one begins: purls as in https://github.com/package-url/purl-spec.
_LIMITS: Final = {"purls": re.compile(r"pkg:[A-Za-z][A-Za-z0-9.+-]*/\S"), "paths": re.compile(r"\S")}
# Characters of a file: thousands of entries, and a second to read.
_MAX_CHARACTERS: Final = 200_000
_MAX_DEPTH: Final = 20
_STATEMENT: Final = 200  # characters of a reason that are repeated in reports


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry: a vulnerability, who answers for it, and the day on which that ends.

    Attributes:
        identifier: The vulnerability, such as ``CVE-2026-1``.
        owner: A person, a team or an address.
        expires: The first day on which the entry is over, in UTC: Trivy's ``expired_at``.
        statement: The reason; may be empty.
        limits: What Trivy matches beside the identifier: ``purls`` and ``paths``.
    """

    identifier: str
    owner: str
    expires: date
    statement: str
    limits: Mapping[str, list[str]]

    def __str__(self) -> str:
        reason = f": {self.statement}" if self.statement else ""
        return textwrap.shorten(f"until {self.expires} by {self.owner}{reason}", _STATEMENT, placeholder=" …")


@dataclass(frozen=True, slots=True)
class Waivers:
    """The entries of a list on one day: those that hold, and those that are over."""

    held: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @classmethod
    def read(cls, text: str, today: date) -> Self:
        """Return the entries in the text of a list.

        Args:
            text: The file.
            today: The day of the scan, in UTC; an entry is over from its ``expired_at`` on, as for Trivy.

        Raises:
            InvalidWaiver: if it is no such list, or an entry has no identifier, owner or day.
        """
        entries = tuple(_entries(text))
        return cls(
            held=tuple(entry for entry in entries if today < entry.expires),
            expired=tuple(entry for entry in entries if entry.expires <= today),
        )

    def for_trivy(self) -> str:
        """Return the list as Trivy gets it: what holds today, each with its owner and its day for a reason.

        Trivy's clock has no say, and the list changes on the day on which an entry ends: a verdict that was kept for
        the list of yesterday is not asked for again.
        """
        entries = [{"id": entry.identifier, "statement": str(entry), **entry.limits} for entry in self.held]
        return json.dumps({_SECTION: entries}, ensure_ascii=False)  # any JSON text is YAML

    def over(self, identifier: str) -> Waiver | None:
        """Return the entry for ``identifier`` that ended last; None if none has ended."""
        ended = (entry for entry in self.expired if entry.identifier == identifier)
        return max(ended, key=lambda entry: entry.expires, default=None)


def require_one_list(names: set[str]) -> None:
    """Do nothing if none of the file names is a list that would be passed over.

    Raises:
        InvalidWaiver: if one is; names it.
    """
    for name in sorted(names & _OTHER_NAMES):
        raise InvalidWaiver(f"{name} is not read", remedy=f"write its entries into {WAIVERS_FILE}, with owner and day")


def _entries(text: str) -> Iterator[Waiver]:
    document = _load(text)
    if document is None:
        return
    if not isinstance(document, dict):
        raise InvalidWaiver(f"{WAIVERS_FILE} is no mapping with a list of {_SECTION}")
    _require_keys(document, _SECTIONS, WAIVERS_FILE)
    entries = document.get(_SECTION) or []
    if not isinstance(entries, list):
        raise InvalidWaiver(f"{_SECTION} in {WAIVERS_FILE} is no list")
    for number, entry in enumerate(entries, start=1):
        yield _waiver(entry, f"entry {number} of {WAIVERS_FILE}")


def _load(text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    if len(text) > _MAX_CHARACTERS:
        raise InvalidWaiver(f"{WAIVERS_FILE} has more than {_MAX_CHARACTERS} characters")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _MAX_DEPTH
    try:
        return yaml.load(text)
    except (YAMLError, ValueError, OverflowError, TypeError) as error:  # the latter: ruamel.yaml's own conversions
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidWaiver(f"{WAIVERS_FILE} is no valid YAML{line}") from error


def _waiver(entry: Any, where: str) -> Waiver:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(entry, dict):
        raise InvalidWaiver(f"{where} is no mapping")
    identifier = _text(entry, "id", where)
    where = f"{where} ({identifier})"
    _require_keys(entry, _KEYS, where)
    expires = entry.get("expired_at")
    if type(expires) is not date:  # neither a text nor a moment of a day
        raise InvalidWaiver(f"{where} has no day as expired_at")
    limits = {key: _texts(entry[key], key, where) for key in _LIMITS if entry.get(key) is not None}
    statement = _text(entry, "statement", where) if entry.get("statement") is not None else ""
    return Waiver(identifier, _text(entry, "owner", where), expires, statement, limits)


def _text(entry: Mapping[Any, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not _line(value):
        raise InvalidWaiver(f"{where} has no text as {key}")
    return _line(value)


def _line(text: str) -> str:
    # YAML allows fewer characters than its own escapes can name.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _texts(value: Any, key: str, where: str) -> list[str]:  # noqa: ANN401 - whatever YAML holds
    told = value if isinstance(value, list) else []
    texts = [text for text in told if isinstance(text, str) and _LIMITS[key].match(text)]
    if not texts or texts != told:
        raise InvalidWaiver(f"{where} has no list of {key}")
    return texts


def _require_keys(mapping: Mapping[Any, Any], known: frozenset[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            named = f"{key!r}" if isinstance(key, str) else "that is no text"
            raise InvalidWaiver(f"{where} has a key {named}", remedy=f"use {', '.join(sorted(known))}")
