"""What racing stages said of themselves, held against what is outside: the counts of the soak."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """How one stage ended.

    Attributes:
        source: The name of what it staged.
        release: The object that it printed; empty if it failed.
        error: Why it failed, on one line.
    """

    source: str
    release: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def __str__(self) -> str:
        told = [self.release[name] for name in ("version", "outcome", "digest", "commit")] if self.release else []
        return f"{self.source}: {' '.join(told) or f'FAILED {self.error}'}"


@dataclass(frozen=True)
class Sight:
    """What is outside at one moment.

    Attributes:
        tags: Every tag of the image in the registry, with its digest.
        claims: The versions that are claimed.
        commits: The commits of the infrastructure repository's branch.
        manifest: The manifest as the branch holds it.
        image: The image, as the manifest names it.
    """

    tags: dict[str, str]
    claims: list[str]
    commits: list[str]
    manifest: str
    image: str

    @property
    def highest(self) -> str:
        """Return the highest version among the tags."""
        return max(self.tags, key=lambda tag: int(tag.rpartition(".")[2]), default="none")

    @property
    def is_behind(self) -> bool:
        """Return whether the manifest names another version than the highest."""
        return f"image: {self.image}:{self.highest} " not in self.manifest


class Ledger:
    """All runs of a soak, and everything that was seen wrong."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._digests: dict[str, str] = {}
        self._commits: set[str] = set()
        self._versions = 0
        self._wrong: dict[str, set[str]] = {
            name: set() for name in ("duplicates", "overwritten", "lost_commits", "unclaimed", "behind")
        }

    def enter(self, runs: list[Run], sight: Sight) -> list[str]:
        """Note how a wave's runs ended and what is outside afterwards; return what is newly wrong."""
        before = set(self._told())
        self.runs += runs
        self._versions = len(sight.tags)
        self._look_at_versions(sight)
        self._look_at_digests(sight)
        named = {run.release["commit"] for run in self.runs if run.release}
        self._commits |= named | set(sight.commits)
        self._wrong["lost_commits"] |= self._commits - set(sight.commits)
        self._wrong["unclaimed"] |= set(sight.tags) - set(sight.claims)
        if sight.is_behind:
            self._wrong["behind"].add(f"the manifest does not name {sight.highest}")
        return [told for told in self._told() if told not in before]

    def counts(self) -> dict[str, int]:
        """Return the counts: all but the first two are 0 if all is well."""
        wrong = {name: len(items) for name, items in self._wrong.items()}
        return {"stages": len(self.runs), "versions": self._versions, **wrong, "failed": self._failed}

    @property
    def sound(self) -> bool:
        """Return whether runs were made and nothing was wrong."""
        return bool(self.runs) and not self._failed and not any(self._wrong.values())

    @property
    def _failed(self) -> int:
        return sum(not run.release for run in self.runs)

    def _told(self) -> list[str]:
        return [f"{name}: {item}" for name, items in self._wrong.items() for item in sorted(items)]

    def _look_at_versions(self, sight: Sight) -> None:
        """One version for each source, one source for each version, and no version that nobody told of."""
        versions, sources = defaultdict(set), defaultdict(set)
        for run in self.runs:
            if run.release:
                versions[run.source].add(run.release["version"])
                sources[run.release["version"]].add(run.source)
        twice = self._wrong["duplicates"]
        for one, others in [*versions.items(), *sources.items()]:
            twice.update(f"{one} has {other}" for other in sorted(others)[1:])
        # A run that failed may have left its version behind: the next run of its source takes that one.
        if not self._failed:
            twice.update(f"nobody has {version}" for version in sight.tags if version not in sources)

    def _look_at_digests(self, sight: Sight) -> None:
        """A tag holds what it held when it was first seen, which is what its own runs told of."""
        for version, digest in sight.tags.items():
            self._digests.setdefault(version, digest)
        told = {(run.release["version"], run.release["digest"]) for run in self.runs if run.release}
        for version, digest in told | set(self._digests.items()):
            if sight.tags.get(version) != digest:
                self._wrong["overwritten"].add(version)
