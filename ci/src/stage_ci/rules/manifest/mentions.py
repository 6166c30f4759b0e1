"""The image references within a longer text, such as ``--image=owner/service:v1.0.4`` or ``web=owner/service:v1``."""

import re
from collections.abc import Iterator
from typing import Final

from stage_ci.errors import InvalidReference
from stage_ci.rules.reference import Reference, Repository

# The characters of a reference: https://github.com/distribution/reference/blob/main/regexp.go
WORD: Final = re.compile(r"[A-Za-z0-9._/:@-]+")
_DIGEST: Final = re.compile(r"sha(?:256|384|512):[0-9a-f]{64,128}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://")
# What may stand directly before and after a reference. Beside anything else, such as the end of ${REGISTRY}, the word
# is a part of a reference.
_BEFORE: Final = re.compile(r"(?:^|(?<=[\s\"'`=,;(\[<>|])|(?<=(?<!\$){))")
_AFTER: Final = re.compile(r"$|[\s\"'`,;)\]}<>|&\\]")


def parse_reference(text: str) -> Reference | None:
    """Return the reference in ``text``; None if ``text`` is anything else."""
    try:
        return Reference.parse(text)
    except InvalidReference:
        return None


def references_in(text: str) -> Iterator[tuple[int, Reference]]:
    """Yield each reference within a text with its position in it.

    A reference is a whole word and has a tag or a digest. A number behind a single name is taken for a port.
    """
    for word in WORD.finditer(text):
        if (":" in word[0] or "@" in word[0]) and _BEFORE.match(text, word.start()) and _AFTER.match(text, word.end()):
            scheme = _SCHEME.match(word[0])
            start = scheme.end() if scheme else 0
            reference = parse_reference(word[0][start:])
            if reference and _is_certain(reference):
                yield word.start() + start, reference


def has_digest_alone(text: str) -> bool:
    """Return whether a word of a text is a digest without a name, such as one that a script appends to a reference."""
    return any(_DIGEST.fullmatch(word[0]) for word in WORD.finditer(text))


def is_unresolved(text: str, repository: Repository) -> bool:
    """Return whether a text is the repository's name with a tag or a digest that is none, such as ``name:${TAG}``."""
    head, slash, last = text.partition("@")[0].rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}"
    reference = parse_reference(name) if name != text and not re.search(r"\s", text) else None
    return bool(reference and reference.repository == repository)


def _is_certain(reference: Reference) -> bool:
    tag = reference.tag or ""
    if reference.digest:
        return True
    if _DIGEST.fullmatch(f"{reference.name}:{tag}"):
        return False
    return bool(tag) and tag[-1].isalnum() and ("/" in reference.name or not tag.isdigit())
