"""Builds of equal inputs that differ: the released image is judged, and replaced if it fails and the new one passes."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import pytest
from tests.unit.steps.releasing import LINE, MINE, PUSHED, push, record

from stage_ci.adapters.image import Archive
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.reference import Digest
from stage_ci.rules.verdict import Finding, Verdict
from stage_ci.rules.waivers import Waivers
from stage_ci.steps.publish import Publication, claim
from stage_ci.steps.record import write_record

if TYPE_CHECKING:
    import dagger
    from tests.unit.steps.conftest import RegistryServer

    from stage_ci.rules.record import Record
    from stage_ci.rules.release import ReleaseLine
    from stage_ci.steps.evidence import Facts
    from stage_ci.steps.remotes import Remotes

BUILT: Final = Digest.parse(f"sha256:{'b' * 64}")
CRITICAL: Final = Finding("CVE-2026-1", "openssl", "3.0.1", "3.0.2", "CRITICAL")


def publication(*findings: Finding) -> Publication:
    """Return the publication of an image with the digest BUILT, whose scan finds ``findings`` in a released one."""
    verdict = Verdict(98, findings, (), Advisories(date(2026, 11, 1), sample=False), Waivers())

    async def judge(_: Record) -> Verdict:
        return verdict

    facts = cast("Facts", SimpleNamespace())
    return Publication(cast("dagger.Container", None), Archive(cast("dagger.File", None), BUILT, BUILT), facts, judge)


async def test_the_image_that_was_built_is_not_judged_again() -> None:
    """A released image with the digest of the one that was just scanned has no fault, whatever a second scan finds."""
    assert not await publication(CRITICAL).fault_of(record(LINE, BUILT))


@pytest.mark.fault(43)
async def test_another_image_is_judged_by_its_own_packages() -> None:
    """A released image that differs from the build has a fault if its own scan fails, and the fault names it."""
    assert not await publication().fault_of(record(LINE, PUSHED))
    fault = await publication(CRITICAL).fault_of(record(LINE, PUSHED))
    assert fault.startswith("v1.0.1: critical vulnerabilities that have a fix: 1 (CVE-2026-1 in openssl 3.0.1")


@pytest.mark.fault(43)
async def test_a_rejected_version_is_followed_by_the_next(
    remotes: Remotes, line: ReleaseLine, registry_server: RegistryServer
) -> None:
    """Inputs whose released image is rejected get the next number, and keep it when the run is repeated."""
    version, _ = await claim(MINE, PUSHED, remotes, line)
    released = push(registry_server, str(version))
    await write_record(record(line, released), remotes.infrastructure, line)
    following = line.versions.version(2)
    assert await claim(MINE, BUILT, remotes, line) == (version, record(line, released))
    assert await claim(MINE, BUILT, remotes, line, version) == (following, None)
    assert await claim(MINE, BUILT, remotes, line, version) == (following, None)
    assert await claim(MINE, BUILT, remotes, line) == (following, None)
