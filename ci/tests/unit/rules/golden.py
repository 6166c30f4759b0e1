"""The golden folders of manifests, each with the fault that it shows."""

from pathlib import Path
from typing import Final

import pytest

CASES: Final = Path(__file__).parent / "testdata" / "manifest"
IMAGE: Final = "medhedimaaroufi/callcenterai-svm"
# Stands for the new version's digest in the expected files.
DIGEST: Final = f"sha256:{'b' * 64}"
NAMES: Final = [
    pytest.param("every_kind", marks=pytest.mark.fault(21)),
    pytest.param("every_container", marks=pytest.mark.fault(21)),
    pytest.param("lists", marks=pytest.mark.fault(21)),
    pytest.param("spellings", marks=pytest.mark.fault(23)),
    pytest.param("decoys", marks=pytest.mark.fault(24)),
    pytest.param("kustomization", marks=pytest.mark.fault(25)),
    pytest.param("comments_and_quotes", marks=pytest.mark.fault(26)),
    pytest.param("escapes", marks=pytest.mark.fault(26)),
    pytest.param("anchors", marks=pytest.mark.fault(26)),
    pytest.param("block_scalars", marks=pytest.mark.fault(26)),
    pytest.param("flow", marks=pytest.mark.fault(26)),
    pytest.param("json", marks=pytest.mark.fault(26)),
    pytest.param("tabs", marks=pytest.mark.fault(26)),
    pytest.param("documents", marks=pytest.mark.fault(26)),
    pytest.param("unicode_and_long_lines", marks=pytest.mark.fault(26)),
    pytest.param("braces", marks=pytest.mark.fault(27)),
    pytest.param("markers", marks=pytest.mark.fault(29)),
    pytest.param("pinned_tags", marks=pytest.mark.fault(23, 25)),
    pytest.param("longer_text", marks=pytest.mark.fault(24)),
    pytest.param("custom_resources", marks=pytest.mark.fault(21, 24)),
    pytest.param("variants", marks=pytest.mark.fault(24)),
    pytest.param("plain_braces", marks=pytest.mark.fault(27)),
]


def read(name: str) -> tuple[bytes, bytes]:
    """Return the original and the expected file of a golden folder."""
    return (CASES / name / "original.yaml").read_bytes(), (CASES / name / "expected.yaml").read_bytes()


def read_all(*, without: str = "") -> tuple[bytes, bytes]:
    """Return the originals and the expected files of the golden folders, each as the documents of one file.

    Args:
        without: The folder to leave out.
    """
    names = [str(name.values[0]) for name in NAMES if name.values[0] != without]
    originals, expected = zip(*map(read, names), strict=True)
    return b"\n---\n".join(originals), b"\n---\n".join(expected)
