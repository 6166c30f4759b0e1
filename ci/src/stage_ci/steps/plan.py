"""What a stage would do, found out without touching anything."""

from typing import Final

from stage_ci.adapters import image
from stage_ci.adapters.infrastructure import claim_object
from stage_ci.adapters.services import Embedded
from stage_ci.rules.claim import Claims, InputDigest, claim_text, next_free
from stage_ci.rules.manifest import Edit, Target, diff, update
from stage_ci.rules.release import held_line, newer_than, superseded_line
from stage_ci.rules.version import Version
from stage_ci.steps.deploy import ANY_DIGEST
from stage_ci.steps.gather import gather
from stage_ci.steps.remotes import Access, Remotes, connect
from stage_ci.steps.request import ReleaseLine, ReleaseRequest

_NOTHING: Final = "the manifest names it already: nothing to commit"


async def plan(order: ReleaseRequest, access: Access, embedded: Embedded | None) -> str:
    """Return what ``stage`` would do: the version it would take and the manifest's diff."""
    async with connect(access, embedded, order.line.repository, order.infra_repo) as remotes:
        inputs, snapshot = await gather(image.inputs(order.source), remotes.infrastructure.snapshot(order.place.branch))
        version, what = await _version(inputs, remotes, order.line)
        digest = await remotes.registry.digest(str(version))
    before = snapshot.read(str(order.place.filename))
    target = Target(order.line.repository, str(version), digest or ANY_DIGEST)
    edit = update(before, target, filename=str(order.place.filename))
    move = _move(order, version, before, edit).replace(str(ANY_DIGEST), "sha256:(known after the push)")
    told = [f"{what} {order.line.repository}:{version}", f"inputs {inputs}", move]
    if embedded:
        told.insert(0, f"Rehearsal {embedded.name!r}: nothing would leave this machine")
    return "\n".join(told) + "\n"


def _move(order: ReleaseRequest, version: Version, before: bytes, edit: Edit) -> str:
    filename = order.place.filename
    newer = None if order.place.allow_downgrade else newer_than(version, edit.tags, order.line.versions)
    if newer:
        return superseded_line(filename, newer)
    held = [held_line(filename, change) for change in edit.held]
    change = diff(before, edit.content, filename=str(filename)).rstrip("\n")
    return "\n".join([*held, change] if change else held) or _NOTHING


async def next_version(remotes: Remotes, line: ReleaseLine) -> Version:
    """Return the version the next release of new inputs takes."""
    refs, tags = await gather(remotes.infrastructure.refs(), remotes.registry.tags())
    return next_free(line.versions, tags, Claims.read(refs, line.repository, line.versions))


async def _version(inputs: InputDigest, remotes: Remotes, line: ReleaseLine) -> tuple[Version, str]:
    refs, tags = await gather(remotes.infrastructure.refs(), remotes.registry.tags())
    claims = Claims.read(refs, line.repository, line.versions)
    held = claims.claimed_with(claim_object(claim_text(line.repository, inputs)))
    if held is None:
        return next_free(line.versions, tags, claims), "Would claim and publish"
    return held, "Already published" if str(held) in tags else "Claimed before; would publish"
