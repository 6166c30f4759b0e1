"""What a deploy leaves unchanged, and what --allow-downgrade moves back, against a real git server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.steps.deploying import FILE, LOCATION, manifest, run

from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InvalidMarker, InvalidVersion
from stage_ci.rules.decisions import MoveState
from stage_ci.steps.deploy import raise_if_undeployable

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

    from stage_ci.rules.release import ReleaseLine


@pytest.mark.fault(17)
@pytest.mark.parametrize("images", [["owner/service:v1.0.10"], ["owner/service:v1.0.1", "owner/service:v1.0.10"]])
async def test_a_newer_version_goes_back_when_that_is_allowed(
    repository: GitRepository, line: ReleaseLine, images: list[str]
) -> None:
    """With --allow-downgrade a deploy moves the manifest back, as after a revert of the source."""
    repository.push({str(FILE): manifest(*images)})
    deployed = await run(repository, line, 9, allow_downgrade=True)
    assert [change.new for change in deployed.move.moved] == ["owner/service:v1.0.9"] * len(images)
    assert not deployed.move.newer
    assert repository.git("show", f"main:{FILE}") == manifest(*["owner/service:v1.0.9"] * len(images))


@pytest.mark.fault(17)
async def test_a_manifest_of_a_higher_line_fails_before_publishing(
    repository: GitRepository, line: ReleaseLine
) -> None:
    """The check before publishing refuses a manifest that names a version of a higher line."""
    repository.push({str(FILE): manifest("owner/service:v2.0.1")})
    with pytest.raises(InvalidVersion, match="of a higher line"):
        await raise_if_undeployable(Infrastructure(repository.url), LOCATION, line)


@pytest.mark.parametrize("allow_downgrade", [False, True])
async def test_a_deploy_refuses_a_manifest_of_a_higher_line(
    repository: GitRepository, line: ReleaseLine, *, allow_downgrade: bool
) -> None:
    """Deploying v1.0.7 to a manifest that names v2.0.3 fails and creates no commit, even if a downgrade is allowed."""
    tip = repository.push({str(FILE): manifest("owner/service:v2.0.3")})
    with pytest.raises(InvalidVersion, match=r"names v2\.0\.3, of a higher line than v1\.0; give --version-line=v2\.0"):
        await run(repository, line, 7, allow_downgrade=allow_downgrade)
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(29)
@pytest.mark.parametrize("allow_downgrade", [False, True])
async def test_a_held_reference_is_not_moved(
    repository: GitRepository, line: ReleaseLine, *, allow_downgrade: bool
) -> None:
    """A deploy leaves a held reference alone, and reports who holds it and how to lift the hold."""
    held = "owner/service:v1.0.10 # stage-ci: hold by=alice reason=demo"
    tip = repository.push({str(FILE): manifest(held)})
    deployed = await run(repository, line, 9, allow_downgrade=allow_downgrade)
    assert (deployed.commit, deployed.move.state, deployed.move.moved) == (tip, MoveState.HELD, ())
    summary = "owner/service:v1.0.10 is held by alice (demo); to lift it, remove the marker on line 9 and run again"
    assert deployed.text(FILE) == f"{FILE}:9 {summary}\ncommit {tip}\n"
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(29)
async def test_a_reference_without_a_hold_is_moved(repository: GitRepository, line: ReleaseLine) -> None:
    """A deploy moves the references that no marker holds; a second run makes no commit."""
    held = "owner/service:v1.0.1 # stage-ci: hold"
    repository.push({str(FILE): manifest(held, "owner/service:v1.0.1")})
    first = await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest(held, "owner/service:v1.0.2")
    assert first.move.lines(FILE) == (
        f"{FILE}:10 owner/service:v1.0.1 -> owner/service:v1.0.2",
        f"{FILE}:9 owner/service:v1.0.1 is held; to lift it, remove the marker on line 9 and run again",
    )
    second = await run(repository, line, 2)
    assert (second.commit, second.move.state) == (first.commit, MoveState.UNCHANGED)


@pytest.mark.fault(24)
async def test_what_stays_is_listed_by_every_deploy(repository: GitRepository, line: ReleaseLine) -> None:
    """A deploy lists the values that name another version and do not move, also if there is nothing to commit."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1", "owner/service:debug")})
    left = (
        f"{FILE}:10 owner/service:debug stays: debug names a variant, not a version; "
        "to move it, mark it `# stage-ci: image`"
    )
    first = await run(repository, line, 2)
    moved = f"{FILE}:9 owner/service:v1.0.1 -> owner/service:v1.0.2"
    assert first.text(FILE) == f"{moved}\n{left}\ncommit {first.commit}\n"
    second = await run(repository, line, 2)
    assert second.text(FILE) == f"{FILE} names this version already\n{left}\ncommit {first.commit}\n"


@pytest.mark.fault(29)
async def test_a_lifted_hold_lets_the_next_run_deploy(repository: GitRepository, line: ReleaseLine) -> None:
    """After a hold is lifted, the next run deploys the version that was published meanwhile."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1 # stage-ci: hold")})
    await run(repository, line, 2)
    repository.push({str(FILE): manifest("owner/service:v1.0.1")})
    await run(repository, line, 2)
    assert repository.git("show", f"main:{FILE}") == manifest("owner/service:v1.0.2")


@pytest.mark.fault(29)
async def test_an_invalid_marker_fails_before_publishing(repository: GitRepository, line: ReleaseLine) -> None:
    """The check before publishing refuses a marker with unknown words: it may be a misspelt hold."""
    repository.push({str(FILE): manifest("owner/service:v1.0.1 # stage-ci: hodl")})
    with pytest.raises(InvalidMarker, match=f"^manifest: {FILE}:9: invalid marker 'hodl'"):
        await raise_if_undeployable(Infrastructure(repository.url), LOCATION, line)
