"""F3: a first stage on an engine without any cache, compared with the original's jobs one after the other."""

from typing import Final

from bench import calls, original, sources
from bench.processes import ROOT, run, seconds
from bench.rows import Row
from bench.session import Session

_REHEARSAL: Final = "bench-cold"
_PRUNE: Final = ["dagger", "core", "engine", "local-cache", "prune"]


def measure(session: Session) -> list[Row]:
    """Return the rows of F3; removes the engine's whole cache."""
    run(_PRUNE, limit=calls.LIMIT)
    # Builds the module's runtime first, because the stage is measured without it.
    run(["dagger", "functions"], limit=calls.LIMIT)
    source = sources.copy_source(session.folder / "cold")
    staged = seconds(lambda: calls.call(ROOT, f"--rehearsal={_REHEARSAL}", "stage", f"--source={source}"))
    serial = original.serial(source)
    calls.reset(ROOT, _REHEARSAL)
    jobs = "the original's jobs one after the other: new environments, without any cache"
    what = "cold stage / the original's cold jobs"
    return [
        Row.ratio("F3", what, [staged / serial], reference=jobs, goal=0.5),
        Row.seconds("F3-stage", "a first stage", [staged], reference="engine up, caches empty, module's runtime built"),
        Row.seconds("F3-original", "the original's jobs", [serial], reference=jobs),
    ]
