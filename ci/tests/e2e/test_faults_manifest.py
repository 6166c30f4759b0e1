"""Manifests of many forms in a real git repository: which references are moved, and which files are rejected."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import IMAGE
from environment import Environment, push_tags, start_environment

CORPUS: Final = Path(__file__).parents[1] / "unit" / "rules" / "testdata" / "manifest"
PLACEHOLDER_DIGEST: Final = "sha256:" + "b" * 64  # stands for the new version's digest in the corpus
FILENAME: Final = "manifests/planted.yaml"
EDITED: Final = {
    "every_kind": pytest.mark.fault(21),
    "every_container": pytest.mark.fault(21),
    "lists": pytest.mark.fault(21),
    "spellings": pytest.mark.fault(23),
    "decoys": pytest.mark.fault(24),
    "kustomization": pytest.mark.fault(25),
    "comments_and_quotes": pytest.mark.fault(26),
    "escapes": pytest.mark.fault(26),
    "anchors": pytest.mark.fault(26),
    "block_scalars": pytest.mark.fault(26),
    "flow": pytest.mark.fault(26),
    "json": pytest.mark.fault(26),
    "tabs": pytest.mark.fault(26),
    "documents": pytest.mark.fault(26),
    "unicode_and_long_lines": pytest.mark.fault(26),
    "braces": pytest.mark.fault(27),
    "markers": pytest.mark.fault(29),
}
# One for each fault; the other cases, which take rarer forms, run with `make test-faults` only.
QUICK: Final = {"every_kind", "spellings", "decoys", "kustomization", "comments_and_quotes"}
REJECTED: Final = {
    "helm": "a Helm or Jinja template",
    "duplicate_key": "duplicate key",
    "unclosed_quote": "invalid YAML",
    "alias_bomb": "nodes once aliases are followed",
}


@pytest.fixture
def env(registry: str, tmp_path: Path) -> Iterator[Environment]:
    """An environment with the image of the corpus, of which v1.0.1 is in the registry."""
    with start_environment(registry, tmp_path, image=IMAGE) as env:
        push_tags(env.registry_address, IMAGE, "v1.0.1")
        yield env


def commit_manifest(env: Environment, content: bytes) -> None:
    """Commit a manifest to the infrastructure repository."""
    (env.repository.work / FILENAME).write_bytes(content)
    env.repository.push({})


def deploy_and_fail(env: Environment, filename: str = FILENAME) -> str:
    """Deploy v1.0.1, assert that this fails and commits nothing, and return the error."""
    commits = env.commits()
    call = env.deploy("v1.0.1", config=[f"--filename={filename}"])
    assert call.status != 0
    assert env.commits() == commits
    return call.error


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[mark, *[pytest.mark.slow] * (name not in QUICK)]) for name, mark in EDITED.items()],
)
def test_only_the_references_to_the_image_are_edited(env: Environment, name: str) -> None:
    """A deploy moves each reference to the image and changes no other byte of the manifest."""
    commit_manifest(env, (CORPUS / name / "original.yaml").read_bytes())
    call = env.deploy("v1.0.1", config=[f"--filename={FILENAME}"])
    assert call.status == 0, call.stderr
    digest = env.tags()["v1.0.1"]
    expected = (CORPUS / name / "expected.yaml").read_text().replace(PLACEHOLDER_DIGEST, digest)
    assert env.read_file(FILENAME) == expected


@pytest.mark.fault(20)
def test_a_manifest_that_names_the_version_gets_no_commit(env: Environment) -> None:
    """A second deploy of the same version succeeds, reports that nothing is to do, and creates no commit."""
    assert env.deploy("v1.0.1").status == 0
    commits = env.commits()
    call = env.deploy("v1.0.1")
    assert call.status == 0, call.stderr
    assert "names this version already" in call.stdout
    assert env.commits() == commits


@pytest.mark.fault(27)
@pytest.mark.parametrize("name", REJECTED)
def test_a_file_that_cannot_be_read_safely_is_rejected(env: Environment, name: str) -> None:
    """A deploy to a template or to invalid YAML fails within a minute and names the reason."""
    commit_manifest(env, (CORPUS / "leave" / f"{name}.yaml").read_bytes())
    began = time.monotonic()
    assert REJECTED[name] in deploy_and_fail(env)
    assert time.monotonic() - began < 60


@pytest.mark.fault(27)
def test_a_file_of_50_mb_is_rejected_unparsed(env: Environment) -> None:
    """A deploy to a manifest of 50 MB fails within a minute and names its size."""
    commit_manifest(env, b"key: value\n" * 5_000_000)
    began = time.monotonic()
    assert "has 55000000 bytes, which exceeds the limit of" in deploy_and_fail(env)
    assert time.monotonic() - began < 60


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
def test_a_filename_that_names_no_manifest_is_rejected(env: Environment, filename: str, error: str) -> None:
    """A deploy to a symbolic link, a folder, a missing file or a file that is not UTF-8 fails and names it."""
    folder = env.repository.work / "manifests"
    (folder / "out.yaml").symlink_to("/etc/passwd")
    (folder / "latin.yaml").write_bytes("image: café\n".encode("latin-1"))
    env.repository.push({})
    assert f"{filename} {error}" in deploy_and_fail(env, filename)
