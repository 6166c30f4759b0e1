"""Makes a skops archive depend on the model alone.

skops names objects and arrays by their address in memory and stamps every entry with
the clock, so two trainings on the same tickets differ in each byte that means nothing.
Numbered in order of appearance and dated alike, equal models are equal files: a layer
cache holds, and the digest is a version.
"""

import io
import json
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SCHEMA: Final = "schema.json"

# Zip knows no earlier date.
EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def canonical(archive: bytes) -> bytes:
    """Returns the same skops archive with numbers for addresses and without a clock."""
    packed = io.BytesIO()
    with ZipFile(io.BytesIO(archive)) as source, ZipFile(packed, "w") as target:
        schema = json.loads(source.read(SCHEMA))
        renamed: dict[str, str] = {}
        _number(schema, {}, renamed)
        for old, new in renamed.items():
            _add(target, new, source.read(old))
        _add(target, SCHEMA, json.dumps(schema, separators=(",", ":")).encode())
    return packed.getvalue()


def _number(node: Any, numbers: dict[int, int], renamed: dict[str, str]) -> None:
    """Replaces addresses in a schema in place; notes old and new names of its files."""
    if isinstance(node, dict):
        # A vocabulary is a dict too, with any word as a key, but never a plain value.
        if isinstance(node.get("__id__"), int):
            # Two nodes with one address are one object: they get one number.
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            new = f"{len(renamed) + 1}.{suffix}"
            node["file"] = renamed.setdefault(node["file"], new)
        for child in node.values():
            _number(child, numbers, renamed)
    elif isinstance(node, list):
        for child in node:
            _number(child, numbers, renamed)


def _add(target: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name, EPOCH)
    entry.compress_type = ZIP_DEFLATED
    target.writestr(entry, content)
