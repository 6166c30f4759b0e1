"""Manifests as people write them, in a repository behind a real git server: what is moved, and what is left alone."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from user import IMAGE, Call, tagged
from world import World, world

CORPUS = Path(__file__).parents[1] / "unit" / "rules" / "testdata" / "manifest"
# The digest that stands in the corpus for that of the version.
ANY_DIGEST = "sha256:" + "b" * 64
FILE = "manifests/planted.yaml"
MOVED = {
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
# One for each fault; the others say the same of rarer forms.
QUICK = {"every_kind", "spellings", "decoys", "kustomization", "comments_and_quotes"}
REFUSED = {
    "helm": "a Helm or Jinja template",
    "duplicate_key": "duplicate key",
    "unclosed_quote": "invalid YAML",
    "alias_bomb": "nodes once aliases are followed",
}


@pytest.fixture
def infra(registry: str, tmp_path: Path) -> Iterator[World]:
    """The image that the corpus is about, with v1.0.1 in the registry."""
    with world(registry, tmp_path, image=IMAGE) as own:
        tagged(own.behind, IMAGE, "v1.0.1")
        yield own


def plant(own: World, content: bytes) -> None:
    """Commit a manifest to the infrastructure repository."""
    (own.repository.work / FILE).write_bytes(content)
    own.repository.push({})


def refused(own: World, filename: str = FILE) -> Call:
    """Deploy, which has to fail and to change nothing."""
    before = own.commits()
    call = own.deploy("v1.0.1", f"--filename={filename}")
    assert call.status != 0
    assert own.commits() == before
    return call


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[mark, *[pytest.mark.long] * (name not in QUICK)]) for name, mark in MOVED.items()],
)
def test_references_move_and_every_other_byte_stays(infra: World, name: str) -> None:
    """The file in the repository afterwards is the expected one, byte for byte."""
    plant(infra, (CORPUS / name / "original.yaml").read_bytes())
    call = infra.deploy("v1.0.1", f"--filename={FILE}")
    assert call.status == 0, call.stderr
    digest = infra.tags()["v1.0.1"]
    expected = (CORPUS / name / "expected.yaml").read_text().replace(ANY_DIGEST, digest)
    assert infra.show(FILE) == expected


@pytest.mark.fault(20)
def test_a_manifest_that_names_the_version_gets_no_commit(infra: World) -> None:
    """The second run says so and ends well."""
    assert infra.deploy("v1.0.1").status == 0
    before = infra.commits()
    again = infra.deploy("v1.0.1")
    assert again.status == 0, again.stderr
    assert "names it already" in again.stdout
    assert infra.commits() == before


@pytest.mark.fault(27)
@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_safely_is_left_alone(infra: World, name: str) -> None:
    """Within the time of any other deploy, and the line is told."""
    plant(infra, (CORPUS / "leave" / f"{name}.yaml").read_bytes())
    start = time.monotonic()
    assert REFUSED[name] in refused(infra).error
    assert time.monotonic() - start < 60


@pytest.mark.fault(27)
def test_a_file_of_50_mb_is_not_parsed(infra: World) -> None:
    """It is fetched, and refused by its size."""
    plant(infra, b"key: value\n" * 5_000_000)
    start = time.monotonic()
    assert "has 55000000 bytes, which exceeds the limit of" in refused(infra).error
    assert time.monotonic() - start < 60


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("filename", "words"),
    [
        ("manifests/out.yaml", "is not a regular file"),
        ("manifests/latin.yaml", "is not UTF-8 text"),
        ("manifests/default", "is not a regular file"),
        ("manifests/none.yaml", "is not in the infrastructure repository"),
    ],
)
def test_what_is_no_manifest_is_named(infra: World, filename: str, words: str) -> None:
    """A link out of the tree is not followed."""
    folder = infra.repository.work / "manifests"
    (folder / "out.yaml").symlink_to("/etc/passwd")
    (folder / "latin.yaml").write_bytes("image: café\n".encode("latin-1"))
    infra.repository.push({})
    assert f"{filename} {words}" in refused(infra, filename).error
