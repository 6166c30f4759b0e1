"""The questions to hosting services about a branch."""

import pytest

from stage_ci.rules.branch_protection import binding_rules, branch_obstacle, branch_questions, protection_question


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


@pytest.mark.parametrize(
    ("url", "question"),
    [
        ("https://git.example/owner/infra.git", "https://git.example/api/v1/repos/owner/infra/branches/main"),
        ("https://example/git/owner/infra", "https://example/git/api/v1/repos/owner/infra/branches/main"),
        ("https://example/a/b/own%20er/infra", "https://example/a/b/api/v1/repos/own%20er/infra/branches/main"),
    ],
)
def test_gitea_is_asked_below_the_path_that_serves_it(url: str, question: str) -> None:
    """Gitea's repositories have two names, and what precedes them is the path of the server."""
    assert question in branch_questions(url, "main")


def test_a_repository_of_one_name_is_asked_about_as_well() -> None:
    """A server whose repositories have one name is asked too, and does not know the answer."""
    assert len(branch_questions("https://git.example/infra.git", "main")) == 3


@pytest.mark.parametrize(
    ("answer", "protection", "obstacle"),
    [
        ({"can_push": False, "protected": True}, None, "may not push"),
        ({"can_push": False, "protected": False}, None, "may not push"),
        ({"user_can_push": False, "protected": True}, None, "may not push"),
        ({"user_can_push": False}, None, "may not push"),
        ({"user_can_push": False, "protected": True}, {"require_signed_commits": True}, "signed commits"),
        ({"user_can_push": True, "protected": True}, {"require_signed_commits": True}, "signed commits"),
        ({"user_can_push": False, "protected": True}, {"unprotected_file_patterns": " ; "}, "may not push"),
        ({"user_can_push": False, "protected": True}, {"unprotected_file_patterns": ""}, "may not push"),
        ({"user_can_push": False, "protected": True}, {"message": "not found"}, "may not push"),
    ],
)
def test_a_branch_that_rejects_a_push_is_an_obstacle(answer: object, protection: object, obstacle: str) -> None:
    """A branch that the user may not push to, or whose rule requires signed commits, is an obstacle."""
    assert obstacle in (branch_obstacle(answer, protection) or "")


@pytest.mark.parametrize(
    ("answer", "protection"),
    [
        ({"can_push": True}, None),
        ({"user_can_push": True, "protected": True}, {"require_signed_commits": False}),
        ({"user_can_push": False, "protected": False}, None),
        ({"user_can_push": False, "protected": True}, {"unprotected_file_patterns": "*.txt;apps/**"}),
        ({"can_push": None}, None),
        ([{"user_can_push": False}], None),
        (None, None),
    ],
)
def test_a_branch_that_may_accept_a_push_is_no_obstacle(answer: object, protection: object) -> None:
    """A branch that is unprotected, leaves files unprotected, or says nothing is no obstacle: the push decides."""
    assert branch_obstacle(answer, protection) is None


@pytest.mark.parametrize(("rule", "quoted"), [("main", "main"), ("env/*", "env%2F%2A"), ("a b#", "a%20b%23")])
def test_the_rule_of_a_branch_is_asked_by_its_name(rule: str, quoted: str) -> None:
    """Gitea's rule, which may be a pattern, is asked of the same repository, also if its names are those of the API."""
    (question,) = (
        each for each in branch_questions("https://git.example/branches/rules", "x/branches/y") if "v1" in each
    )
    asked = protection_question({"effective_branch_protection_name": rule}, question)
    assert asked == f"https://git.example/api/v1/repos/branches/rules/branch_protections/{quoted}"


@pytest.mark.parametrize("answer", [{}, {"effective_branch_protection_name": ""}, [], None])
def test_without_a_rule_none_is_asked(answer: object) -> None:
    """A branch without a rule, and a user to whom Gitea does not name it, lead to no further question."""
    assert protection_question(answer, "https://git.example/api/v1/repos/owner/infra/branches/main") is None


def test_a_ruleset_is_asked_of_the_repository_whatever_its_name() -> None:
    """The ruleset of a repository whose names are parts of GitHub's API is asked of that repository."""
    (question,) = branch_questions("https://github.com/rules/branches", "main")
    found = binding_rules([{"type": "update", "ruleset_id": 7}], question)
    assert list(found.values()) == ["https://api.github.com/repos/rules/branches/rulesets/7"]
