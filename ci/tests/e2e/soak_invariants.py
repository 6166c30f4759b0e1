"""The invariants of racing stages: what each run printed must agree with registry and repository."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StageRun:
    """The result of one stage.

    Attributes:
        source: Name of the staged source.
        release: The object that the stage printed; empty if it failed.
        error: Why the stage failed, on one line.
    """

    source: str
    release: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def __str__(self) -> str:
        result = [self.release[name] for name in ("version", "outcome", "digest", "commit")] if self.release else []
        return f"{self.source}: {' '.join(result) or f'FAILED {self.error}'}"


@dataclass(frozen=True)
class Snapshot:
    """The state of registry and infrastructure repository at one moment.

    Attributes:
        tags: The digest of each of the image's tags.
        claims: The claimed versions.
        commits: The commits of the branch.
        manifest: The deployment manifest on the branch.
        image: The image, as the manifest spells it.
    """

    tags: dict[str, str]
    claims: list[str]
    commits: list[str]
    manifest: str
    image: str

    @property
    def highest(self) -> str:
        """The highest version among the tags."""
        return max(self.tags, key=lambda tag: int(tag.rpartition(".")[2]), default="none")

    @property
    def is_behind(self) -> bool:
        """Whether the manifest names another version than the highest."""
        return f"image: {self.image}:{self.highest} " not in self.manifest


class Invariants:
    """Checks the runs of a soak after each wave and collects the violations."""

    def __init__(self) -> None:
        self.runs: list[StageRun] = []
        self._digests: dict[str, str] = {}
        self._commits: set[str] = set()
        self._versions = 0
        self._violations: dict[str, set[str]] = {
            name: set() for name in ("duplicates", "overwritten", "lost_commits", "unclaimed", "behind")
        }

    def check(self, runs: list[StageRun], snapshot: Snapshot) -> list[str]:
        """Check a wave's runs against the state after it, and return the new violations.

        Args:
            runs: The runs of the wave.
            snapshot: The state of registry and repository after it.
        """
        known = set(self._lines())
        self.runs += runs
        self._versions = len(snapshot.tags)
        self._check_versions(snapshot)
        self._check_digests(snapshot)
        self._commits |= {run.release["commit"] for run in self.runs if run.release} | set(snapshot.commits)
        self._violations["lost_commits"] |= self._commits - set(snapshot.commits)
        self._violations["unclaimed"] |= set(snapshot.tags) - set(snapshot.claims)
        if snapshot.is_behind:
            self._violations["behind"].add(f"the manifest does not name {snapshot.highest}")
        return [line for line in self._lines() if line not in known]

    def counts(self) -> dict[str, int]:
        """Return the number of stages and versions, and of each kind of violation."""
        violations = {name: len(items) for name, items in self._violations.items()}
        return {"stages": len(self.runs), "versions": self._versions, **violations, "failed": self._failed}

    @property
    def hold(self) -> bool:
        """Whether there were runs, none failed, and nothing was violated."""
        return bool(self.runs) and not self._failed and not any(self._violations.values())

    @property
    def _failed(self) -> int:
        return sum(not run.release for run in self.runs)

    def _lines(self) -> list[str]:
        return [f"{name}: {item}" for name, items in self._violations.items() for item in sorted(items)]

    def _check_versions(self, snapshot: Snapshot) -> None:
        """Each source has one version, each version one source, and each tag is the version of a run."""
        versions, sources = defaultdict(set), defaultdict(set)
        for run in self.runs:
            if run.release:
                versions[run.source].add(run.release["version"])
                sources[run.release["version"]].add(run.source)
        duplicates = self._violations["duplicates"]
        for one, others in [*versions.items(), *sources.items()]:
            duplicates.update(f"{one} has {other}" for other in sorted(others)[1:])
        # A failed run may have left its version behind; the next run of that source finishes it.
        if not self._failed:
            duplicates.update(f"no run released {version}" for version in snapshot.tags if version not in sources)

    def _check_digests(self, snapshot: Snapshot) -> None:
        """Each tag still has the digest it was first seen with, which is the digest that its runs printed."""
        for version, digest in snapshot.tags.items():
            self._digests.setdefault(version, digest)
        printed = {(run.release["version"], run.release["digest"]) for run in self.runs if run.release}
        for version, digest in printed | set(self._digests.items()):
            if snapshot.tags.get(version) != digest:
                self._violations["overwritten"].add(version)
