"""The tags and digests beside the names of images: in a mapping, in a list of names and values, or in a text."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from ruamel.yaml.nodes import ScalarNode

from stage_ci.rules.manifest.mentions import parse_reference
from stage_ci.rules.manifest.nodes import content, scalars
from stage_ci.rules.manifest.references import Visit
from stage_ci.rules.manifest.sites import digest_in
from stage_ci.rules.manifest.target import Target

# The fields that hold tags, as charts and custom resources call them.
TAG_FIELD: Final = re.compile(r".*tag|(?:.*image[_.-]?)?version", re.IGNORECASE)
# In a mapping of several images, `API_TAG` belongs to `API_IMAGE`, and `DB_TAG` does not.
_STEM: Final = re.compile(r"(.*?)(?:new|image|repository|name|tag|version|digest|sha|[_.-])*", re.IGNORECASE)
# A tag or a digest in the values of a chart or a command, within a text.
_PART_IN_TEXT: Final = re.compile(r"(?:tag|digest)[\"']?[ \t]*[:=][ \t]*[\"']?([\w.:@-]+)", re.IGNORECASE)
# The fields of an item of a list of names and values, as Kubernetes, Argo and Tekton call them.
_VALUE_FIELDS: Final = ("value", "default")
_MAX_NAME: Final = 100  # characters of a field's name that are compared

# The fields of a mapping that hold non-empty text.
Fields: TypeAlias = Mapping[str, ScalarNode]


def named_values(values: Sequence[Visit]) -> Mapping[int, tuple[str, Fields]]:
    """Return, for each value of a list of names and values, such as parameters, its name and all values of the list."""
    lists: dict[int, dict[str, ScalarNode]] = {}
    found: dict[int, tuple[str, Fields]] = {}
    for _, _, (item, step), parent in values:
        if step == ".name" and parent is not None and item is not None and item[1].startswith("["):
            pair = scalars(parent)
            value = next((pair[field] for field in _VALUE_FIELDS if field in pair), None)
            if "name" in pair and value is not None:
                name, named = content(pair["name"]), lists.setdefault(id(item[0]), {})
                named[name] = value
                found[id(value)] = name, named
    return found


def lists_with_parts(values: Sequence[Visit], target: Target) -> frozenset[int]:
    """Return the lists of texts, such as the arguments of a command, that hold another tag or digest of an image.

    A list is given by the identity of its path.
    """
    found: dict[int, list[str]] = {}
    for node, _, (path, _step), parent in values:
        if parent is None and isinstance(node, ScalarNode):
            found.setdefault(id(path), []).append(content(node))
    # An option and its value can be two arguments, such as `--tag` and `v1.0.4`.
    return frozenset(path for path, texts in found.items() if has_other_part("=".join(texts), target))


def has_other_part(text: str, target: Target) -> bool:
    """Return whether a text holds the tag or the digest of another version, apart from an image's name."""
    parts = (found[1] for found in _PART_IN_TEXT.finditer(text))
    references = (parse_reference(f"x:{part}") or parse_reference(f"x@{part}") for part in parts)
    return any(reference and not target.is_named_by(reference) for reference in references)


def parts_of(beside: Fields) -> dict[str, Fields]:
    """Return the tags and digests of a mapping by the stems of their fields."""
    found: dict[str, dict[str, ScalarNode]] = {}
    for field, node in beside.items():
        if TAG_FIELD.fullmatch(field) or digest_in(node):
            found.setdefault(stem_of(field), {})[field] = node
    return dict(found)


def take_parts(parts: dict[str, Fields], stem: str) -> Fields:
    """Take the tags and digests of one image out of those of a mapping: if a tag has its stem, no other image's."""
    has_tag = any(field.lower().endswith("tag") for field in parts.get(stem, ()))
    stems = [stem, ""] if has_tag else list(parts)
    return {field: node for taken in stems for field, node in parts.pop(taken, {}).items()}


def stem_of(field: str) -> str:
    """Return what a field is called beyond the words for its part, such as ``api`` for ``API_IMAGE_TAG``."""
    found = _STEM.fullmatch(field[:_MAX_NAME])
    return found[1].lower() if found else ""
