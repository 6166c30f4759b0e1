"""The stage as a user calls it: what it releases, and what one finds outside afterwards."""

import shutil
import subprocess
from pathlib import Path

import pytest
from user import IMAGE, INFRA_REPO, MANIFEST, REPOSITORY, SEED, Rehearsal, shown

REQUIREMENTS = ("requirements.uv", "requirements", "requirements.train", "requirements.dev")
APPLICATION = ("Dockerfile", *REQUIREMENTS, "setup.cfg", ".dockerignore", "src", "tests", "data")


def copy_of_the_application(folder: Path) -> Path:
    """Copy what the stage looks at."""
    folder.mkdir()
    for name in APPLICATION:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.mark.fault(12)
def test_the_application_is_released_once_and_again_when_it_changes(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """First v1.0.1, the same source changes nothing, one more line under src/ gives v1.0.2."""
    source = copy_of_the_application(tmp_path / "application")

    first = rehearsal.stage(source, "--format=json").release
    assert (first["version"], first["outcome"]) == ("v1.0.1", "released")
    before = rehearsal.state()

    second = rehearsal.stage(source, "--format=json").release
    assert second == first | {"outcome": "already-released"}
    assert rehearsal.state() == before

    with (source / "src" / "callcenterai_svm" / "__init__.py").open("a") as file:
        file.write("\n# one more line\n")
    third = rehearsal.stage(source, "--format=json").release
    assert (third["version"], third["outcome"]) == ("v1.0.2", "released")
    assert third["digest"] != first["digest"]

    outside(rehearsal, third, tmp_path)


def outside(rehearsal: Rehearsal, release: dict[str, str], folder: Path) -> None:
    """Look at registry and repository with tools of this machine: the release is there, and nothing else has moved."""
    with shown("rehearsal", f"--name={rehearsal.name}", "infrastructure", port=8080) as address:
        clone = folder / "clone"
        subprocess.run(["git", "clone", "-q", f"http://{address}/{INFRA_REPO}.git", str(clone)], check=True)
    log = subprocess.run(["git", "-C", str(clone), "log", "--format=%H"], check=True, capture_output=True, text=True)
    commits = log.stdout.split()
    assert commits[0] == release["commit"]
    assert len(commits) == 1 + 2  # the seed and two releases
    manifest = (clone / MANIFEST).read_bytes()
    assert manifest == (SEED / MANIFEST).read_bytes().replace(f"{IMAGE}:v1.0.0".encode(), f"{IMAGE}:v1.0.2".encode())
    assert f"v1.0.2 {release['digest']}\n" in rehearsal.look("tags")


def test_a_sibling_service_needs_arguments_only(rehearsal: Rehearsal, service: Path) -> None:
    """Another source, image, line and manifest go through the same function."""
    arguments = ("--image=medhedimaaroufi/callcenterai-agent", "--filename=manifests/default/agent.yaml")
    release = rehearsal.stage(service, *arguments, "--version-line=v2.3", "--format=json").release
    assert (release["version"], release["manifest"]) == ("v2.3.1", "manifests/default/agent.yaml")
    manifest = rehearsal.look("manifest", "--filename=manifests/default/agent.yaml")
    assert "medhedimaaroufi/callcenterai-agent:v2.3.1" in manifest


def test_the_summary_says_that_nothing_left_the_machine(rehearsal: Rehearsal, service: Path) -> None:
    """A person reads first what kind of run it was, then what came of it."""
    call = rehearsal.stage(service)
    first, second, _, *rest = call.stdout.splitlines()
    assert "nothing left this machine" in first
    assert second.startswith(f"Released: docker.io/{IMAGE}:v1.0.1@sha256:")
    assert [line.split()[0] for line in rest] == ["lint", "test", "scan", "smoke", "manifest", "commit"]

    shown = (REPOSITORY / "README.md").read_text().partition("$ make stage\n")[2].partition("```")[0].splitlines()
    assert [line.split()[:1] for line in shown] == [line.split()[:1] for line in call.stdout.splitlines()]


@pytest.mark.fault(17)
def test_a_newer_version_in_the_manifest_stays(rehearsal: Rehearsal, service: Path, tmp_path: Path) -> None:
    """A manifest that names a newer version is left alone, and the run ends well."""
    seed = shutil.copytree(SEED, tmp_path / "seed")
    manifest = seed / MANIFEST
    manifest.write_text(manifest.read_text().replace(f"{IMAGE}:v1.0.0", f"{IMAGE}:v1.0.7"))
    release = rehearsal.stage(service, f"--seed={seed}", "--format=json").release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "superseded")
    assert f"{IMAGE}:v1.0.7" in rehearsal.look("manifest")
