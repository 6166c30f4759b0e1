"""Manifests of many forms on a real git server: which references a deploy moves, and which files it rejects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
from tests.unit.rules.golden import CASES, DIGEST, IMAGE, NAMES, read

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import StageError
from stage_ci.rules.decisions import Deployment
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, ReleaseLine
from stage_ci.steps.deploy import deploy
from stage_ci.steps.request import ManifestLocation

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

FILENAME: Final = "manifests/planted.yaml"
LINE: Final = ReleaseLine.parse(IMAGE, "v1.0")
DEPLOYMENT: Final = Deployment(LINE, LINE.versions.version(1), Digest.parse(DIGEST))
REJECTED: Final = {
    "helm": "a Helm or Jinja template",
    "duplicate_key": "duplicate key",
    "unclosed_quote": "invalid YAML",
    "alias_bomb": "nodes once aliases are followed",
}


def commit_manifest(repository: GitRepository, content: bytes) -> None:
    """Commit a manifest to the infrastructure repository."""
    (repository.work / FILENAME).write_bytes(content)
    repository.push({})


async def deploy_to(repository: GitRepository, filename: str = FILENAME) -> None:
    """Deploy v1.0.1 to a manifest."""
    await deploy(Infrastructure(repository.url), ManifestLocation("main", Filename.parse(filename)), DEPLOYMENT)


async def deploy_and_fail(repository: GitRepository, filename: str = FILENAME) -> str:
    """Deploy v1.0.1, assert that this fails within a minute and commits nothing, and return the error."""
    tip = repository.git("rev-parse", "main")
    began = time.monotonic()
    with pytest.raises(StageError) as failed:
        await deploy_to(repository, filename)
    assert time.monotonic() - began < 60
    assert repository.git("rev-parse", "main") == tip
    return str(failed.value)


@pytest.mark.parametrize("name", NAMES)
async def test_only_the_references_to_the_image_are_edited(repository: GitRepository, name: str) -> None:
    """A deploy moves each reference to the image and changes no other byte of the manifest."""
    original, expected = read(name)
    commit_manifest(repository, original)
    await deploy_to(repository)
    assert repository.git("show", f"main:{FILENAME}") == expected.decode()


@pytest.mark.fault(27)
@pytest.mark.parametrize("name", REJECTED)
async def test_a_file_that_cannot_be_read_safely_is_rejected(repository: GitRepository, name: str) -> None:
    """A deploy to a template or to invalid YAML fails within a minute and names the reason."""
    commit_manifest(repository, (CASES / "leave" / f"{name}.yaml").read_bytes())
    assert REJECTED[name] in await deploy_and_fail(repository)


@pytest.mark.fault(27)
async def test_a_file_of_50_mb_is_rejected_unparsed(repository: GitRepository) -> None:
    """A deploy to a manifest of 50 MB fails within a minute and names its size."""
    commit_manifest(repository, b"key: value\n" * 5_000_000)
    assert "has 55000000 bytes, which exceeds the limit of" in await deploy_and_fail(repository)


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("filename", "error"),
    [
        ("manifests/out.yaml", "is not a regular file"),
        ("manifests/latin.yaml", "is not UTF-8 text"),
        ("manifests/default", "is not a regular file"),
        ("manifests/none.yaml", "is not in the infrastructure repository"),
    ],
)
async def test_a_filename_that_names_no_manifest_is_rejected(
    repository: GitRepository, filename: str, error: str
) -> None:
    """A deploy to a symbolic link, a folder, a missing file or a file that is not UTF-8 fails and names it."""
    folder = repository.work / "manifests"
    (folder / "out.yaml").symlink_to("/etc/passwd")
    (folder / "latin.yaml").write_bytes("image: café\n".encode("latin-1"))
    repository.push({})
    assert f"{filename} {error}" in await deploy_and_fail(repository, filename)
