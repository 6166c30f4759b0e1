"""What a deploy leaves as it is, and what a caller allows it to move back, against a real git server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.steps.deploying import FILE, PLACE, manifest, run

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InvalidMarker, InvalidVersion
from stage_ci.steps.deploy import require_editable
from stage_ci.steps.request import ManifestLocation, ReleaseLine

if TYPE_CHECKING:
    from tests.servers.git import GitRepository


@pytest.mark.fault(17)
@pytest.mark.parametrize("images", [["owner/service:v1.0.10"], ["owner/service:v1.0.1", "owner/service:v1.0.10"]])
async def test_a_newer_version_goes_back_when_that_is_allowed(
    repository: GitRepository, line: ReleaseLine, images: list[str]
) -> None:
    """As after a revert, whose sources were released under an older version."""
    repository.push({str(FILE): manifest(*images)})
    deployed = await run(repository, line, 9, place=ManifestLocation("main", FILE, allow_downgrade=True))
    assert [change.new for change in deployed.changes] == ["owner/service:v1.0.9"] * len(images)
    assert deployed.superseded_by is None
    assert repository.git("show", f"main:{FILE}") == manifest(*["owner/service:v1.0.9"] * len(images))


@pytest.mark.fault(17)
async def test_another_line_is_no_downgrade(repository: GitRepository, line: ReleaseLine) -> None:
    """A manifest of a higher line is refused before anything is published, whatever is allowed."""
    repository.push({str(FILE): manifest("owner/service:v2.0.1")})
    place = ManifestLocation("main", FILE, allow_downgrade=True)
    with pytest.raises(InvalidVersion, match="of a higher line"):
        await require_editable(Infrastructure(repository.url), place, line)


@pytest.mark.fault(29)
@pytest.mark.parametrize("where", [PLACE, ManifestLocation("main", FILE, allow_downgrade=True)])
async def test_what_a_marker_holds_is_not_moved(
    repository: GitRepository, line: ReleaseLine, where: ManifestLocation
) -> None:
    """No commit; it is told who holds it and how to lift that, and a newer one held is none to follow."""
    held = "owner/service:v1.0.10 # stage-ci: hold by=alice reason=demo"
    tip = repository.push({str(FILE): manifest(held)})
    deployed = await run(repository, line, 9, place=where)
    assert (deployed.commit, deployed.changes, deployed.superseded_by, deployed.all_held) == (tip, (), None, True)
    told = "owner/service:v1.0.10 is held by alice (demo); to lift it, remove the marker on line 9 and run again"
    assert deployed.text(FILE) == f"{FILE}:9 {told}\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(29)
async def test_what_no_marker_holds_is_moved(repository: GitRepository, line: ReleaseLine) -> None:
    """One reference waits, the other goes ahead, and a second run has nothing to commit."""
    held = "owner/service:v1.0.1 # stage-ci: hold"
    repository.push({str(FILE): manifest(held, "owner/service:v1.0.1")})
    first = await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest(held, "owner/service:v1.0.2")
    assert first.lines(FILE) == (
        f"{FILE}:10 owner/service:v1.0.1 -> owner/service:v1.0.2",
        f"{FILE}:9 owner/service:v1.0.1 is held; to lift it, remove the marker on line 9 and run again",
    )
    second = await run(repository, line, 2)
    assert (second.commit, second.changes, second.all_held) == (first.commit, (), False)


@pytest.mark.fault(29)
async def test_a_hold_that_was_lifted_lets_the_next_run_go_ahead(repository: GitRepository, line: ReleaseLine) -> None:
    """The same version, which was published while the manifest was held."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1 # stage-ci: hold")})
    await run(repository, line, 2)
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.2")


@pytest.mark.fault(29)
async def test_a_marker_that_cannot_be_read_is_told_before_anything_is_published(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """Whoever wrote it meant something."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1 # stage-ci: hodl")})
    with pytest.raises(InvalidMarker, match=f"^manifest: {FILE}:9: invalid marker 'hodl'"):
        await require_editable(Infrastructure(repository.url), PLACE, line)
