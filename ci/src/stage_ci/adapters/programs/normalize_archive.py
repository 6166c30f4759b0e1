"""Makes an image archive depend on the content of its image alone: its times become the start of the epoch.

usage: normalize_archive.py ARCHIVE OUTPUT
Prints one JSON object with the digests of the image manifest and of the image configuration, and with the platform in
the latter. The layers do not change.

Formats: OCI image-layout and config.md (https://github.com/opencontainers/image-spec/blob/v1.1.1/), and the
manifest.json of `docker save`, which Trivy reads. The time is SOURCE_DATE_EPOCH=0
(https://reproducible-builds.org/specs/source-date-epoch/).
"""

import hashlib
import io
import json
import sys
import tarfile
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"
BLOBS = "blobs/sha256/"


def main(archive: str, output: str) -> None:
    """Write the normalized copy of ``archive`` to ``output`` and print its digests."""
    with tarfile.open(archive) as source:
        index = read(source, "index.json")
        if len(index["manifests"]) != 1:
            sys.exit("the archive does not hold exactly one image")
        (entry,) = index["manifests"]
        manifest = read(source, blob(entry))
        config = read(source, blob(manifest["config"]))
        replaced = {blob(entry), blob(manifest["config"]), "index.json", "manifest.json"}
        saved = read(source, "manifest.json") if "manifest.json" in source.getnames() else None

        config["created"] = EPOCH
        for step in config.get("history", []):
            step["created"] = EPOCH
        files: dict[str, bytes] = {}
        manifest["config"] |= add(files, config)
        entry |= add(files, manifest)
        entry.get("annotations", {}).pop("org.opencontainers.image.created", None)
        files["index.json"] = encode(index)
        if saved:
            saved[0]["Config"] = blob(manifest["config"])
            files["manifest.json"] = encode(saved)

        with tarfile.open(output, "w", format=tarfile.GNU_FORMAT) as target:
            for member in source:
                if member.name not in replaced:
                    target.addfile(member, source.extractfile(member) if member.isfile() else None)
            for name in sorted(files):
                member = tarfile.TarInfo(name)
                member.size = len(files[name])
                target.addfile(member, io.BytesIO(files[name]))
    platform = f"{config.get('os', '')}/{config.get('architecture', '')}"
    print(json.dumps({"manifest": entry["digest"], "config": manifest["config"]["digest"], "platform": platform}))


def read(archive: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON of any type
    """Return the JSON value in a file of the archive."""
    return json.load(archive.extractfile(name) or io.BytesIO())


def blob(descriptor: dict[str, Any]) -> str:
    """Return the name of a descriptor's blob in the archive."""
    return BLOBS + str(descriptor["digest"]).removeprefix("sha256:")


def add(files: dict[str, bytes], value: object) -> dict[str, Any]:
    """Add a blob with the JSON text of ``value`` to ``files``; return its digest and size, as in a descriptor."""
    content = encode(value)
    digest = hashlib.sha256(content).hexdigest()
    files[BLOBS + digest] = content
    return {"digest": f"sha256:{digest}", "size": len(content)}


def encode(value: object) -> bytes:
    """Return the JSON text of ``value``; equal values give equal texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


if __name__ == "__main__":
    main(*sys.argv[1:])
