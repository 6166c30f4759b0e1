"""What the tests of markers share: a pod, and the edit of a manifest given as text."""

from typing import Final

from stage_ci.rules.manifest import Edit, Target, update
from stage_ci.rules.reference import Digest, Repository

IMAGE: Final = "owner/service"
OLD: Final = f"sha256:{'a' * 64}"
NEW: Final = f"sha256:{'b' * 64}"
POD: Final = "apiVersion: v1\nkind: Pod\nmetadata: {name: svm}\nspec:\n  containers:\n"


def edit(text: str, *, digest: str | None = None, filename: str = "svm.yaml") -> Edit:
    """Return the edit that sets the image to v1.0.9."""
    target = Target(Repository.parse(IMAGE), "v1.0.9", Digest.parse(digest) if digest else None)
    return update(text.encode(), target, filename=filename)
