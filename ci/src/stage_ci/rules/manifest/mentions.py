"""The image references within a longer text, such as ``--image=owner/service:v1.0.4`` or ``web=owner/service:v1``."""

import re
from collections.abc import Iterator
from typing import Final

from stage_ci.errors import InvalidReference
from stage_ci.rules.reference import Reference, Repository

# The characters of a reference: https://github.com/distribution/reference/blob/main/regexp.go
WORD: Final = re.compile(r"[A-Za-z0-9._/:@-]+")
_DIGEST: Final = re.compile(r"sha(?:256|384|512):[0-9a-f]{64,128}")
# A scheme or a key, such as `docker://` or `image:`.
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*:(?://)?")
# A variable with a default value: https://docs.docker.com/reference/compose-file/interpolation/
_VARIABLE: Final = re.compile(r"(?<=\${)[A-Za-z_]\w*:?-")
_DEFAULT: Final = re.compile(r"\${[A-Za-z_]\w*:?-([^${}]*)}")
# What may not stand directly before and after a reference: the end or the start of a variable, such as ${REGISTRY}, and
# what makes a pattern or another text of it.
_BEFORE: Final = re.compile(r"(?<![\w$%)}~^\\])(?<!\${)")
_AFTER: Final = re.compile(r"(?![\w$%{~^*+=])")
# What starts a variable or a placeholder, as in `name:${TAG}`.
_OPEN: Final = re.compile(r"[$%<{]")


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
    for start, end in _words(text):
        if reference := _certain_reference(text, start, end):
            yield start, reference


def unresolved_in(text: str, repository: Repository) -> Iterator[tuple[int, str]]:
    """Yield each word that names the repository with an invalid tag or digest, such as ``name:`` in ``name:${TAG}``."""
    is_one = not re.search(r"\s", text)
    for start, end in _words(text):
        word = text[start:end]
        head, slash, last = word.partition("@")[0].rpartition("/")
        name = f"{head}{slash}{last.partition(':')[0]}"
        is_invalid = is_one and name != word and (word == text or not parse_reference(word))
        is_open = name != word and _OPEN.match(text, end)
        if (is_invalid or is_open) and not _certain_reference(text, start, end) and is_name(name, repository):
            yield start, word


def with_defaults(text: str) -> str:
    """Return a text with each variable replaced by its default value, if it has one."""
    return _DEFAULT.sub(r"\1", text)


def is_name(text: str, repository: Repository) -> bool:
    """Return whether a text is the repository's name, without a tag and a digest."""
    reference = parse_reference(text)
    return bool(reference and reference.repository == repository and not (reference.tag or reference.digest))


def names_in(text: str, repository: Repository) -> Iterator[tuple[int, str]]:
    """Yield each word that is the repository's name, without a tag and a digest, with its position.

    A single name, such as ``service``, can be any word, and is left out.
    """
    for word in WORD.finditer(text):
        if "/" in word[0] and is_name(word[0], repository):
            yield word.start(), word[0]


def has_digest_alone(text: str) -> bool:
    """Return whether a word of a text is a digest without a name, such as one that a script appends to a reference."""
    return any(_DIGEST.fullmatch(word[0]) for word in WORD.finditer(text))


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each word that can be a reference, with and without a scheme, a key or a variable."""
    for word in WORD.finditer(text):
        if variable := _VARIABLE.match(text, word.start()):
            yield variable.end(), word.end()
        elif _BEFORE.match(text, word.start()):
            yield word.span()
            prefix = _PREFIX.match(word[0])
            if prefix and not parse_reference(word[0]):
                yield word.start() + prefix.end(), word.end()


def _certain_reference(text: str, start: int, end: int) -> Reference | None:
    word = text[start:end]
    if not (":" in word or "@" in word) or not _AFTER.match(text, end):
        return None
    reference = parse_reference(word)
    return reference if reference and _is_certain(reference) else None


def _is_certain(reference: Reference) -> bool:
    tag = reference.tag or ""
    if reference.digest:
        return True
    if _DIGEST.fullmatch(f"{reference.name}:{tag}"):
        return False
    return bool(tag) and tag[-1].isalnum() and ("/" in reference.name or not tag.isdigit())
