"""A race in which a stage failed, or two released one version, is no result."""

import pytest
from bench.races import raise_if_violated
from bench.rows import MeasurementError
from soak_invariants import Invariants, Snapshot, StageRun

STATE = Snapshot({"v1.0.1": "sha256:1"}, ["v1.0.1"], ["c1"], "image: owner/service:v1.0.1 # svm", "owner/service")


def run(source: str) -> StageRun:
    """Return a stage that released v1.0.1."""
    return StageRun(source, {"version": "v1.0.1", "digest": "sha256:1", "commit": "c1", "outcome": "released"})


def test_stages_that_keep_the_invariants_are_a_result() -> None:
    """One source with one version, which the manifest names, is as it must be."""
    raise_if_violated(Invariants(), [run("source-1"), run("source-1")], STATE)


def test_a_version_of_two_sources_is_an_error() -> None:
    """Two sources must not share a version."""
    with pytest.raises(MeasurementError, match=r"duplicates: v1\.0\.1 has source-2"):
        raise_if_violated(Invariants(), [run("source-1"), run("source-2")], STATE)


def test_a_failed_stage_is_an_error() -> None:
    """A stage that failed did not take part in the race."""
    failed = StageRun("source-2", error="did not end within 900 s")
    with pytest.raises(MeasurementError, match="source-2: FAILED did not end within 900 s"):
        raise_if_violated(Invariants(), [run("source-1"), failed], STATE)
