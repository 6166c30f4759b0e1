"""The configuration of flake8: the settings of the source, extended by those of the pipeline.

Rules: flake8's options/config.py. On the command line, a list would replace that of the source's configuration
(https://github.com/PyCQA/flake8/issues/1804), so the pipeline appends a file to it, which has both.
"""

import configparser
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

_SECTION: Final = "flake8"
# flake8 reads the first of these that has its section.
_CONFIGURATIONS: Final = ("setup.cfg", "tox.ini", ".flake8")
# Flake8-pyproject reads the table tool.flake8 of this file instead of all others.
_PYPROJECT: Final = "pyproject.toml"
CONFIG_FILES: Final = (*_CONFIGURATIONS, _PYPROJECT)
_LINE_LENGTH: Final = "110"
# black writes a blank on both sides of a slice's colon.
_IGNORED: Final = "E203"


def flake8_config(texts: Mapping[str, str]) -> str:
    """Return the text of a file to be appended to the source's configuration of flake8.

    The codes that the source ignores beside flake8's own are joined by E203, and a line may have 110 characters,
    whatever the source says. Settings in pyproject.toml, which flake8 itself does not read, are written out.

    Args:
        texts: The texts of `CONFIG_FILES` in the source by name; empty for a file that does not exist.
    """
    table = _table(texts.get(_PYPROJECT, ""))
    settings = _section(texts) if table is None else table
    ignored = [code for code in re.split(r"[,\s]+", settings.get("extend-ignore", "")) if code]
    config = dict(table or {}) | {
        "max-line-length": _LINE_LENGTH,
        "extend-ignore": ",".join(dict.fromkeys([*ignored, _IGNORED])),
    }
    return f"[{_SECTION}]\n" + "".join(f"{name} = {value}\n" for name, value in config.items())


def _section(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the section of the file that flake8 chooses; empty if there is none."""
    for name in _CONFIGURATIONS:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(texts.get(name, ""))
        except configparser.Error:
            continue
        if _SECTION in parser:
            return {_dashed(option): _written(value) for option, value in parser.items(_SECTION)}
        if f"{_SECTION}:local-plugins" in parser:
            break
    return {}


def _table(text: str) -> dict[str, str] | None:
    try:
        table = tomllib.loads(text).get("tool", {}).get(_SECTION)
    except (tomllib.TOMLDecodeError, AttributeError):
        return None
    return {_dashed(name): _written(value) for name, value in table.items()} if isinstance(table, dict) else None


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-")


def _written(value: Any) -> str:  # noqa: ANN401 - TOML of any type
    """Return a value of a configuration in one line, and a list of TOML as the other files write it."""
    values = value if isinstance(value, list) else [value]
    return ",".join(" ".join(str(each).split()) for each in values)
