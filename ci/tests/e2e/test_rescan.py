"""Published images judged against today's vulnerability database, and replaced without a change of the source."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest
from cli import REPOSITORY, Call, dagger
from environment import CREDENTIAL_VARIABLES, Environment
from real_registry import database_flag, push_database
from test_evidence import run

ADVISORIES: Final = REPOSITORY / "ci" / "advisories"
# The database before and after an advisory was published; the registry has the latter.
BEFORE, AFTER = "mirror/before:2", "aquasec/trivy-db:2"
METADATA: Final = "Metadata-Version: 2.1\nName: h11\nVersion: 0.14.0\n"


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


def database_without(identifier: str, folder: Path) -> bytes:
    """Return the sample database as it was before an advisory was published."""
    document = json.loads((ADVISORIES / "advisories.json").read_text())
    document["advisories"] = [advisory for advisory in document["advisories"] if advisory["id"] != identifier]
    known, archive = folder / "known.json", folder / "known.tar.gz"
    known.write_text(json.dumps(document))
    subprocess.run(["go", "-C", ADVISORIES, "run", ".", known, archive], check=True)
    return archive.read_bytes()


@pytest.mark.fault(43)
def test_a_released_image_that_became_vulnerable_is_replaced(env: Environment, source: Path, tmp_path: Path) -> None:
    """After a new advisory, `rescan` fails for what the manifest names, and the next stage releases its clean build.

    The source stays the same. The released image is another build of the same inputs, as on another engine, and was
    recorded before evidence was.
    """
    push_database(env.registry_address, BEFORE, database_without("CVE-2025-43859", tmp_path))

    def call(function: str, *arguments: str, database: str = AFTER) -> Call:
        # The last setting is the database.
        config = [*env.config[:-1], database_flag(env.registry_proxy.address, database)]
        return dagger(function, f"--source={source}", *arguments, config=config, variables=CREDENTIAL_VARIABLES)

    clean = call("stage", "--format=json", database=BEFORE).release
    released = push_vulnerable_build(env, source, tmp_path)
    record = env.repository.git("log", "-1", "--format=%B", env.ref("records", "v1.0.1"))
    lines = [line for line in record.replace(clean["digest"], released).splitlines() if "Evidence" not in line]
    other = env.repository.git("commit-tree", "main^{tree}", "-m", "\n".join(lines)).strip()
    env.repository.git("update-ref", env.ref("records", "v1.0.1"), other)

    passed = call("rescan", database=BEFORE)
    assert passed.status == 0, passed.stderr
    assert passed.stdout.startswith(f"docker.io/{env.image}:v1.0.1@{released}\n")
    found = "critical vulnerabilities that have a fix: 1 (CVE-2025-43859 in h11 0.14.0 (fixed in 0.16.0))"
    failed = call("rescan")
    assert failed.status != 0
    assert f"scan: v1.0.1: {found}" in failed.error

    replaced = call("stage")
    assert replaced.status == 0, replaced.stderr
    assert replaced.stdout.startswith(f"Released: docker.io/{env.image}:v1.0.2@{clean['digest']}\n")
    assert f"    replaces  v1.0.1: {found}" in replaced.stdout
    assert env.tags() == {"v1.0.1": released, "v1.0.2": clean["digest"]}
    again = call("rescan")
    assert again.status == 0, again.stderr
    assert call("stage").stdout.startswith(f"Already released: docker.io/{env.image}:v1.0.2@")
