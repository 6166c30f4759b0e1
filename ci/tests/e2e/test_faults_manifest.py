"""Manifests of many forms in a real git repository: which references are moved, and which files are rejected.

`tests/unit/steps/test_deploy_manifests.py` deploys to each form of manifest and to each rejected file alone.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli import IMAGE
from environment import Environment, start_environment
from real_registry import push_tags
from tests.unit.rules.golden import CASES, DIGEST, read_all

FILENAME: Final = "manifests/planted.yaml"


@pytest.fixture
def env(registry: str, tmp_path: Path) -> Iterator[Environment]:
    """An environment with the image of the golden folders, of which v1.0.1 is in the registry."""
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
    call = env.deploy("v1.0.1", "--allow-unrecorded", config=[f"--filename={filename}"])
    assert call.status != 0
    assert env.commits() == commits
    return call.error


@pytest.mark.fault(20, 21, 23, 24, 25, 26, 27)
def test_only_the_references_to_the_image_are_edited(env: Environment) -> None:
    """A deploy moves each reference to the image in documents of every form; a second one reports nothing to do."""
    # Held references would be reported by the second deploy; test_faults_infrastructure.py has a held manifest.
    original, expected = read_all(without="markers")
    commit_manifest(env, original)
    config = [f"--filename={FILENAME}"]
    first = env.deploy("v1.0.1", "--allow-unrecorded", config=config)
    assert first.status == 0, first.stderr
    digest = env.tags()["v1.0.1"]
    assert env.read_file(FILENAME) == expected.decode().replace(DIGEST[7:], digest[7:])  # without `sha256:`

    commits = env.commits()
    second = env.deploy("v1.0.1", "--allow-unrecorded", config=config)
    assert second.status == 0, second.stderr
    assert "names this version already" in second.stdout
    assert env.commits() == commits


@pytest.mark.slow
@pytest.mark.fault(27)
def test_a_file_that_cannot_be_read_safely_is_rejected(env: Environment) -> None:
    """A deploy to a manifest whose aliases multiply fails within a minute and names the reason."""
    commit_manifest(env, (CASES / "leave" / "alias_bomb.yaml").read_bytes())
    began = time.monotonic()
    assert "nodes once aliases are followed" in deploy_and_fail(env)
    assert time.monotonic() - began < 60


@pytest.mark.slow
@pytest.mark.fault(19)
def test_a_filename_that_names_no_manifest_is_rejected(env: Environment) -> None:
    """A deploy to a symbolic link fails and names it."""
    (env.repository.work / "manifests" / "out.yaml").symlink_to("/etc/passwd")
    env.repository.push({})
    assert "manifests/out.yaml is not a regular file" in deploy_and_fail(env, "manifests/out.yaml")
