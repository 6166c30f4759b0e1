"""The reference that an edit writes."""

from dataclasses import dataclass

from stage_ci.errors import InvalidReference
from stage_ci.rules.reference import Digest, Reference, Repository


@dataclass(frozen=True, slots=True)
class Target:
    """The reference to write.

    Args:
        repository: The image's repository; every reference to it is updated.
        tag: The tag to write.
        digest: The digest of the tag's image; required if a reference in the manifest holds a digest.

    Raises:
        InvalidReference: if ``tag`` is not a valid tag.
    """

    repository: Repository
    tag: str
    digest: Digest | None = None

    def __post_init__(self) -> None:
        """Raise if the tag contains text that would end the reference, such as a space or a line break."""
        if Reference.parse(f"image:{self.tag}").tag != self.tag:
            raise InvalidReference(f"invalid tag {self.tag!r}", remedy="give a tag such as v1.0.7")

    def is_named_by(self, reference: Reference) -> bool:
        """Return whether a reference to the repository has no other tag and no other digest."""
        return reference.tag in (None, self.tag) and reference.digest in (None, self.digest)
