"""The questions to hosting services about a branch."""

import pytest

from stage_ci.rules.branch_protection import branch_questions


@pytest.mark.parametrize(
    ("url", "first"),
    [
        (
            "https://github.com/owner/infra.git",
            "https://api.github.com/repos/owner/infra/rules/branches/env%2Fmain?per_page=100",
        ),
        (
            "https://gitlab.com/group/sub/infra.git",
            "https://gitlab.com/api/v4/projects/group%2Fsub%2Finfra/repository/branches/env%2Fmain",
        ),
        (
            "https://git.example:3000/owner/my%20infra",
            "https://git.example:3000/api/v4/projects/owner%2Fmy%20infra/repository/branches/env%2Fmain",
        ),
    ],
)
def test_a_host_is_asked_at_its_api(url: str, first: str) -> None:
    """GitHub is asked at its API, and every other host at its own address."""
    assert branch_questions(url, "env/main")[0] == first


@pytest.mark.parametrize("url", ["https://dev.azure.com/org/project/_git/infra", "https://bitbucket.org/team/infra"])
def test_hosts_without_an_answer_are_not_asked(url: str) -> None:
    """Azure DevOps and Bitbucket have none of these APIs."""
    assert branch_questions(url, "main") == []


def test_the_token_goes_to_no_other_host() -> None:
    """All questions about a repository on a server of one's own go to that server."""
    questions = branch_questions("https://git.example/owner/infra.git", "main")
    assert [question.startswith("https://git.example/api/") for question in questions] == [True] * 3
