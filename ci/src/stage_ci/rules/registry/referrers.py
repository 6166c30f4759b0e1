"""Referrers: small files in a registry that refer to an image, such as its signature.

Sources: OCI image-spec v1.1 (https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md, "subject"),
distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, "Referrers Tag
Schema").
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.image import IMAGE_MANIFEST_TYPE, INDEX_TYPE, descriptor, digest_of, parse_digest
from stage_ci.rules.registry.protocol import TransientError, json_object

_FALLBACK: Final = re.compile(r"sha256-[0-9a-f]{64}")
# The fields of an image manifest that its descriptor in a list of referrers repeats.
_REPEATED: Final = ("artifactType", "annotations")


@dataclass(frozen=True, slots=True)
class Referrer:
    """A small file that refers to an image.

    Attributes:
        subject: The digest of the image; None if the file refers to none.
        content: The content of the file.
    """

    subject: Digest | None
    content: bytes

    @staticmethod
    def parts(manifest: bytes) -> tuple[Digest | None, Digest]:
        """Return the subject and the only layer of an artifact's image manifest.

        Raises:
            TransientError: if it has not exactly one layer.
        """
        fields = json_object(manifest, "an image manifest")
        subject, layers = fields.get("subject"), fields.get("layers")
        if not isinstance(layers, list) or len(layers) != 1 or not isinstance(layers[0], dict):
            raise TransientError("sent something other than an artifact of one file")
        layer = parse_digest(layers[0].get("digest"))
        return parse_digest(subject.get("digest")) if isinstance(subject, dict) else None, layer


def image_descriptor(manifest: bytes) -> dict[str, object]:
    """Return the descriptor of an image manifest, as the subject of a referrer.

    Raises:
        TransientError: if ``manifest`` is no JSON object.
    """
    return descriptor(str(json_object(manifest, "an image manifest").get("mediaType", IMAGE_MANIFEST_TYPE)), manifest)


def fallback_tag(subject: Digest) -> str:
    """Return the tag under which a registry without the referrers API lists the referrers of an image.

    >>> fallback_tag(Digest.parse(f"sha256:{'0' * 64}"))[:12]
    'sha256-00000'
    """
    return str(subject).replace(":", "-")


def is_fallback_tag(tag: str) -> bool:
    """Return whether a tag is one of those under which a registry lists referrers."""
    return bool(_FALLBACK.fullmatch(tag))


def with_referrers(index: bytes | None, manifests: Iterable[bytes]) -> bytes:
    """Return a list of referrers with further ones.

    Args:
        index: The image index that lists the present ones; None if there is none.
        manifests: The image manifests of the referrers to add; one that is listed is not added again.

    Raises:
        TransientError: if ``index`` is not an image index.
    """
    listed = [] if index is None else json_object(index, "an image index").get("manifests")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise TransientError("sent something other than an image index")
    entries: dict[Digest, Mapping[str, object]] = {parse_digest(entry.get("digest")): entry for entry in listed}
    for manifest in manifests:
        fields = json_object(manifest, "an image manifest")
        repeated = {name: fields[name] for name in _REPEATED if name in fields}
        entries[digest_of(manifest)] = image_descriptor(manifest) | repeated
    body = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": list(entries.values())}
    return json.dumps(body, separators=(",", ":")).encode()
