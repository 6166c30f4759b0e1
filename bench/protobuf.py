"""Reads the fields of protobuf messages without their schema: https://protobuf.dev/programming-guides/encoding/."""

from collections import defaultdict
from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


def fields(message: bytes) -> defaultdict[int, list[bytes]]:
    """Return the values of each field by its number, as they were sent; numbers of variable length are left out.

    Raises:
        ValueError: if the message ends early or has a type of field that protobuf no longer uses.
    """
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, place = _varint(message, place)
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if kind == _BYTES:
            length, place = _varint(message, place)
        if not 0 <= length <= len(message) - place:
            raise ValueError(f"invalid protobuf message: field {number} of type {kind} at byte {place}")
        found[number].append(message[place : place + length])
        place += length
    return found


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the number that starts at ``place``, and the place after it."""
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
            return value, place
    raise ValueError("invalid protobuf message: it ends in a number")
