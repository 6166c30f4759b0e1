"""The revision of a source, and which of two is older."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.revision import Revision

COMMIT = "c" * 40


@pytest.mark.parametrize(
    "text",
    [
        f"{COMMIT} 2026-05-04T14:00:00+02:00",
        f"{COMMIT} 2026-05-04T12:00:00Z\n",
        f"  {COMMIT}  2026-05-04 12:00:00+00:00",
    ],
)
def test_what_git_prints_is_a_revision(text: str) -> None:
    """A commit and its time, in any offset, are a revision in UTC."""
    assert str(Revision.parse(text)) == f"{COMMIT} 2026-05-04T12:00:00+00:00"


def test_a_commit_may_be_of_sha_256() -> None:
    """A commit ID has 40 digits, or 64 in a repository with SHA-256."""
    assert Revision.parse(f"{'c' * 64} 2026-05-04T12:00:00Z")


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_revision_is_allowed(text: str) -> None:
    """A source without git has no revision."""
    assert Revision.parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        COMMIT,
        f"{COMMIT[:7]} 2026-05-04T12:00:00Z",
        f"{COMMIT.upper()} 2026-05-04T12:00:00Z",
        f"{COMMIT} yesterday",
        f"{COMMIT} 2026-05-04T12:00:00",
        "HEAD 2026-05-04T12:00:00Z",
        f"2026-05-04T12:00:00Z {COMMIT}",
    ],
)
def test_anything_else_is_rejected(text: str) -> None:
    """A short ID, a name, a missing time and a time without an offset are errors that name the command."""
    with pytest.raises(
        InvalidInput, match=r"^input: invalid --source-revision=.*: expected a commit and its time; give what"
    ):
        Revision.parse(text)


@pytest.mark.fault(44)
def test_revisions_are_compared_by_time() -> None:
    """The revision that was committed first is the older one; none is older than itself."""
    first, second = (
        Revision.parse(f"{COMMIT} {time}") for time in ("2026-05-04T14:00:00+02:00", "2026-05-04T12:30:00Z")
    )
    assert first
    assert second
    assert first.is_older_than(second)
    assert not second.is_older_than(first)
    assert not first.is_older_than(first)
