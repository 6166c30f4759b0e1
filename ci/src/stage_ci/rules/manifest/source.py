"""A manifest as text, and how a refusal names a place in it."""

import re
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidManifest, ManifestMissing

# etcd, where a cluster keeps its objects, takes 1.5 MiB in one request (https://etcd.io/docs/latest/dev-guide/limit/);
# no manifest that people write comes near.
MAX_BYTES: Final = 1 << 20

_BREAK: Final = re.compile(r"\r\n?|\n")  # YAML 1.2.2, section 5.4


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest's name and text; UTF-8 both ways, so text that is equal is equal in bytes."""

    filename: str
    text: str

    @classmethod
    def decode(cls, content: bytes, filename: str) -> Self:
        """Return the text of ``content``, its byte order mark included.

        Args:
            content: The whole file.
            filename: How messages name it.

        Raises:
            InvalidManifest: if it is larger than ``MAX_BYTES``.
            ManifestMissing: if it is empty or not UTF-8.
        """
        if len(content) > MAX_BYTES:
            raise InvalidManifest(f"{filename} has {len(content)} bytes, more than the {MAX_BYTES} that are read")
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise ManifestMissing(f"{filename} is not UTF-8 text: {error.reason} at byte {error.start}") from error
        if not text.strip("\ufeff \t\r\n"):
            raise ManifestMissing(f"{filename} is empty")
        return cls(filename, text)

    def breaks(self, start: int, end: int) -> int:
        """Return the number of line breaks between two positions."""
        return len(_BREAK.findall(self.text, start, end))

    def refusal(self, cause: str, *, line: int | None = None, remedy: str | None = None) -> InvalidManifest:
        """Return the error that says why the manifest stays as it is.

        Args:
            cause: What stands there.
            line: Where, counted from 1; the whole file when absent.
            remedy: What the reader can do; the class's own when absent.
        """
        place = self.filename if line is None else f"{self.filename}:{line}"
        return InvalidManifest(f"{place}: {cause}", remedy=remedy)
