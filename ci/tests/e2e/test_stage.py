"""A stage in a rehearsal: what it releases, and what registry and infrastructure repository hold afterwards."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cli import FILENAME, IMAGE, INFRA_REPO, REPOSITORY, SEED, Rehearsal
from environment import Servers, start_servers

REQUIREMENTS: Final = ("requirements.uv", "requirements", "requirements.train", "requirements.dev")
APPLICATION: Final = ("Dockerfile", *REQUIREMENTS, "setup.cfg", ".dockerignore", "src", "tests", "data")


def copy_application(folder: Path) -> Path:
    """Copy the files of this repository's service into ``folder``."""
    folder.mkdir()
    for name in APPLICATION:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.mark.fault(12)
def test_the_application_is_released_again_only_after_a_change(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """The first stage releases v1.0.1, the second changes nothing, and after a change the third releases v1.0.2."""
    source = copy_application(tmp_path / "application")

    first = rehearsal.stage(source, "--format=json").release
    assert (first["version"], first["outcome"]) == ("v1.0.1", "released")
    with start_servers(rehearsal) as servers:
        state = servers.state()
        second = rehearsal.stage(source, "--format=json").release
        assert second == first | {"outcome": "already-released"}
        assert servers.state() == state

        with (source / "src" / "callcenterai_svm" / "__init__.py").open("a") as file:
            file.write("\n# one more line\n")
        third = rehearsal.stage(source, "--format=json").release
        assert (third["version"], third["outcome"]) == ("v1.0.2", "released")
        assert third["digest"] != first["digest"]
        assert_second_release(servers, third, tmp_path / "clone")


def assert_second_release(servers: Servers, release: dict[str, str], clone: Path) -> None:
    """Assert with git that two commits changed nothing but the image's version, and that the tag has the digest."""
    subprocess.run(["git", "clone", "-q", f"http://{servers.infrastructure}/{INFRA_REPO}.git", str(clone)], check=True)
    log = subprocess.run(["git", "-C", str(clone), "log", "--format=%H"], check=True, capture_output=True, text=True)
    commits = log.stdout.split()
    assert commits[0] == release["commit"]
    assert len(commits) == 1 + 2  # the seed and two releases
    manifest = (clone / FILENAME).read_bytes()
    assert manifest == (SEED / FILENAME).read_bytes().replace(f"{IMAGE}:v1.0.0".encode(), f"{IMAGE}:v1.0.2".encode())
    listed = servers.rehearsal.inspect("log")
    assert [line.split()[0] for line in listed.splitlines() if " claim " not in line] == commits
    assert [line.rpartition("/")[2] for line in listed.splitlines() if " claim " in line] == ["v1.0.2", "v1.0.1"]
    assert f"v1.0.2 {release['digest']}\n" in servers.rehearsal.inspect("tags")


def test_another_service_is_released_by_configuration(rehearsal: Rehearsal, source: Path) -> None:
    """Another service with its own image, version line and manifest is released by constructor flags alone."""
    manifest = "--filename=manifests/default/agent.yaml"
    config = ["--image=medhedimaaroufi/callcenterai-agent", "--version-line=v2.3", manifest]
    release = rehearsal.stage(source, "--format=json", config=config).release
    assert (release["version"], release["manifest"]) == ("v2.3.1", "manifests/default/agent.yaml")
    assert "medhedimaaroufi/callcenterai-agent:v2.3.1" in rehearsal.inspect("manifest", config=[manifest])


def test_the_summary_begins_with_the_kind_of_run(rehearsal: Rehearsal, source: Path) -> None:
    """The summary of a rehearsal first states that nothing left the machine, and has the lines that README.md shows."""
    call = rehearsal.stage(source)
    first, second, _, *rest = call.stdout.splitlines()
    assert "nothing left this machine" in first
    assert second.startswith(f"Released: docker.io/{IMAGE}:v1.0.1@sha256:")
    assert [line.split()[0] for line in rest] == [
        "lint",
        "test",
        "scan",
        "secrets",
        "smoke",
        "manifest",
        "evidence",
        "commit",
        "time",
    ]

    readme = (REPOSITORY / "README.md").read_text().partition("$ make stage\n")[2].partition("```")[0].splitlines()
    assert [line.split()[:1] for line in readme] == [line.split()[:1] for line in call.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.fault(17)
def test_a_newer_version_in_the_manifest_is_kept(rehearsal: Rehearsal, source: Path, tmp_path: Path) -> None:
    """A stage succeeds and leaves the manifest unchanged if it names a newer version."""
    seed = shutil.copytree(SEED, tmp_path / "seed")
    manifest = seed / FILENAME
    manifest.write_text(manifest.read_text().replace(f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.7"))
    release = rehearsal.stage(source, "--format=json", config=[f"--rehearsal-seed={seed}"]).release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "superseded")
    assert f"{IMAGE}:v1.0.7" in rehearsal.inspect("manifest")
