"""Published images judged against today's vulnerability database, and replaced without a change of the source."""

import json
import tarfile
from pathlib import Path

import pytest
from cli import dagger
from environment import CREDENTIAL_VARIABLES, Environment
from test_evidence import run

METADATA = "Metadata-Version: 2.1\nName: h11\nVersion: 0.14.0\n"


def push_vulnerable_build(env: Environment, source: Path, folder: Path) -> str:
    """Push another build of the source under v1.0.1, with a vulnerable package in it; return its digest."""
    archive = folder / "vulnerable.tar"
    added = ("with-new-file", "--path=/app/h11-0.14.0.dist-info/METADATA", f"--contents={METADATA}")
    export = ("as-tarball", "export", f"--path={archive}")
    built = dagger("build", f"--source={source}", *added, *export)
    assert built.status == 0, built.stderr
    with tarfile.open(archive) as layout:
        index = layout.extractfile("index.json")
        assert index
        (entry,) = json.load(index)["manifests"]
    digest: str = entry["digest"]
    target = f"{env.registry_address}/{env.image}:v1.0.1"
    run("oras", "copy", "--from-oci-layout", "--to-plain-http", f"{archive}@{digest}", target, folder=folder)
    return digest


@pytest.mark.fault(43)
def test_a_released_image_that_became_vulnerable_is_replaced(env: Environment, source: Path, tmp_path: Path) -> None:
    """`rescan` fails for what the manifest names, and the next stage of the same source releases its clean build.

    The released image is another build of the same inputs, as on another engine, and was recorded before evidence was.
    """
    clean = env.stage(source, "--format=json").release
    rescan = ("rescan", f"--source={source}")
    passed = dagger(*rescan, config=env.config, variables=CREDENTIAL_VARIABLES)
    assert passed.status == 0, passed.stderr
    assert passed.stdout.startswith(f"docker.io/{env.image}:v1.0.1@{clean['digest']}\n")

    released = push_vulnerable_build(env, source, tmp_path)
    record = env.repository.git("log", "-1", "--format=%B", env.ref("records", "v1.0.1"))
    lines = [line for line in record.replace(clean["digest"], released).splitlines() if "Evidence" not in line]
    other = env.repository.git("commit-tree", "main^{tree}", "-m", "\n".join(lines)).strip()
    env.repository.git("update-ref", env.ref("records", "v1.0.1"), other)

    found = "critical vulnerabilities that have a fix: 1 (CVE-2025-43859 in h11 0.14.0 (fixed in 0.16.0))"
    failed = dagger(*rescan, config=env.config, variables=CREDENTIAL_VARIABLES)
    assert failed.status != 0
    assert f"scan: v1.0.1: {found}" in failed.error

    call = env.stage(source)
    assert call.status == 0, call.stderr
    assert call.stdout.startswith(f"Released: docker.io/{env.image}:v1.0.2@{clean['digest']}\n")
    assert f"    replaces  v1.0.1: {found}" in call.stdout
    assert env.tags() == {"v1.0.1": released, "v1.0.2": clean["digest"]}
    again = dagger(*rescan, config=env.config, variables=CREDENTIAL_VARIABLES)
    assert again.status == 0, again.stderr
    assert env.stage(source).stdout.startswith(f"Already released: docker.io/{env.image}:v1.0.2@")
