"""One image reference of a manifest: what it says, and which scalars say it."""

from collections.abc import Callable
from dataclasses import dataclass

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidReference
from stage_ci.rules.manifest.markers import Naming
from stage_ci.rules.manifest.nodes import STRING, Node, content, line_of, lines_of, scalars
from stage_ci.rules.reference import Reference


@dataclass(frozen=True, slots=True)
class Part:
    """A scalar that holds a reference or a part of one.

    Args:
        node: The scalar.
        spell: Gives the text that it holds for a reference.
    """

    node: ScalarNode
    spell: Callable[[Reference], str]


@dataclass(frozen=True, slots=True)
class Site:
    """One reference, where it stands.

    Args:
        path: The object and the field, such as ``Deployment/svm spec.template.spec.containers[0].image``.
        node: What the reference was read from.
        reference: What it says.
        parts: The scalars that say its tag and digest; none where it has neither and no room for them.
        tagged: Whether it has room for a tag.
    """

    path: str
    node: Node
    reference: Reference
    parts: tuple[Part, ...]
    tagged: bool = True

    @property
    def lines(self) -> frozenset[int]:
        """The lines, counted from 1, on which its text starts and ends."""
        return frozenset((line_of(self.node), *(line for part in self.parts for line in lines_of(part.node))))


def image_site(scalar: ScalarNode, path: str) -> Site | None:
    """Return the reference that an image field holds, if it is one: ``${IMAGE}`` is none, and neither is a number."""
    reference = _parsed(content(scalar)) if scalar.tag == STRING else None
    return Site(path, scalar, reference, (Part(scalar, spelled),)) if reference else None


def entry_site(entry: Node, path: str) -> Site | None:
    """Return the reference that an entry of Kustomize's ``images`` deploys, if it is one.

    kustomize api/filters/imagetag/updater.go: the name is ``newName``, else ``name``; ``newTag`` and ``digest``
    together replace whatever the resource says.
    """
    found = scalars(entry)
    name, tag, digest = found.get("newName", found.get("name")), found.get("newTag"), found.get("digest")
    text = content(name) if name else ""
    parts: list[Part] = []
    if tag:
        text += f":{content(tag)}"
        parts.append(Part(tag, _tag))
    if digest:
        text += f"@{content(digest)}"
        parts.append(Part(digest, _digest))
    reference = _parsed(text)
    return Site(path, entry, reference, tuple(parts), tagged=tag is not None) if reference else None


def named_site(scalar: ScalarNode, path: str, naming: Naming) -> Site | None:
    """Return the reference that a scalar holds because a marker says so, if it is one."""
    if naming.part == "image":
        return image_site(scalar, path)
    tagged = naming.part == "tag"
    reference = _parsed(f"{naming.name}{':' if tagged else '@'}{content(scalar)}")
    return Site(path, scalar, reference, (Part(scalar, _tag if tagged else _digest),), tagged) if reference else None


def spelled(reference: Reference) -> str:
    """Return a reference in its writer's own spelling."""
    tag = f":{reference.tag}" if reference.tag else ""
    return f"{reference.name}{tag}{f'@{reference.digest}' if reference.digest else ''}"


def _tag(reference: Reference) -> str:
    return reference.tag or ""


def _digest(reference: Reference) -> str:
    return str(reference.digest or "")


def _parsed(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidReference:
        return None
