"""A Sigstore instance for all tests, and the program that signs and verifies with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.keyless.client import CLAIMS, Client, Release
from tests.keyless.local_sigstore import LocalSigstore, local_sigstore

from stage_ci.rules.evidence import Identity, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSigstore]:
    """A running Sigstore instance."""
    with local_sigstore(tmp_path_factory.mktemp("sigstore")) as instance:
        yield instance


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """The program, in an empty folder."""
    return Client(tmp_path)


@pytest.fixture(scope="session")
def release(sigstore: LocalSigstore, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The statements of a release, signed by a workflow."""
    client = Client(tmp_path_factory.mktemp("release"))
    done = client.sign(sigstore.workflows.token(**CLAIMS), sigstore.trust)
    assert done.status == 0, done.output
    signed = client.signed()
    bundles = {Kind(name): text for name, text in signed["bundles"].items()}
    return Release(Identity(signed["name"], signed["issuer"]), bundles)
