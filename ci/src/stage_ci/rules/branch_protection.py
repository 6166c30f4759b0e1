"""What the API of a hosting service says, before a push, about a branch that would reject it.

Sources: https://docs.github.com/en/rest/repos/rules (rules of a branch, a ruleset); https://docs.gitlab.com/api/branches
(``can_push``); the API of Gitea and Forgejo, ``GET /repos/{owner}/{repo}/branches/{branch}`` (``user_can_push``) and
``GET /repos/{owner}/{repo}/branch_protections/{name}``, which answers administrators of the repository only.
"""

from typing import Final
from urllib.parse import quote, unquote, urlsplit

# Hosts without any of these APIs.
_SILENT_HOSTS: Final = frozenset({"dev.azure.com", "bitbucket.org"})
_GITHUB: Final = "github.com"
_SIGNED: Final = "it requires signed commits"
# GitHub's rules that no push of an unsigned commit passes, and what each demands.
_GITHUB_RULES: Final = {
    "pull_request": "it requires a pull request",
    "required_signatures": _SIGNED,
    "update": "only some users may update it",
}
# The values of a ruleset's current_user_can_bypass with which the rules hold for a push.
_BOUND: Final = ("never", "pull_requests_only")


def branch_questions(url: str, branch: str) -> list[str]:
    """Return the URLs on the repository's host, or on GitHub's API, that may know whether a push is possible.

    Args:
        url: The URL of the repository.
        branch: The branch.
    """
    parts = urlsplit(url)
    if parts.hostname in _SILENT_HOSTS:
        return []
    path, name = unquote(parts.path).strip("/").removesuffix(".git"), quote(branch, safe="")
    rules = f"repos/{quote(path)}/rules/branches/{name}?per_page=100"
    if parts.hostname == _GITHUB:
        return [f"https://api.github.com/{rules}"]
    host = f"{parts.scheme}://{parts.netloc}"
    return [
        f"{host}/api/v4/projects/{quote(path, safe='')}/repository/branches/{name}",
        _gitea_question(host, quote(path), name),
        f"{host}/api/v3/{rules}",
    ]


def branch_obstacle(answer: object, protection: object = None) -> str | None:
    """Return why GitLab, Gitea or Forgejo would reject a push to a branch; None if they would not, or do not say.

    Args:
        answer: The description of the branch, as parsed JSON.
        protection: That of Gitea's rule for it, to administrators of the repository.
    """
    match answer, protection:
        case _, {"require_signed_commits": True}:
            return _SIGNED
        # The files of these patterns may be pushed by whoever may write to the repository.
        case _, {"unprotected_file_patterns": str(patterns)} if patterns.strip(" ;"):
            return None
        # Of an unprotected branch, Gitea says it for the rights alone, and wrongly for the token of its own Actions.
        case {"user_can_push": False, "protected": False}, _:
            return None
        case (({"can_push": False} | {"user_can_push": False}), _):
            return "the user of the token may not push to it"
    return None


def protection_question(answer: object, question: str) -> str | None:
    """Return the URL of Gitea's rule for a branch, if the token is one of an administrator and there is a rule.

    Args:
        answer: The description of the branch, as parsed JSON.
        question: The URL of that description.
    """
    match answer:
        case {"effective_branch_protection_name": str(rule)} if rule:
            return f"{question.rpartition('/branches/')[0]}/branch_protections/{quote(rule, safe='')}"
    return None


def binding_rules(answer: object, question: str) -> dict[str, str]:
    """Return what GitHub's rules of a branch demand, each with the URL of the ruleset that says whom it binds.

    Args:
        answer: The list of rules, as parsed JSON.
        question: The URL of that list.
    """
    rules = answer if isinstance(answer, list) else []
    base = question.rpartition("/rules/branches/")[0]
    return {
        _GITHUB_RULES[kind]: f"{base}/rulesets/{number}"
        for rule in rules
        if isinstance(rule, dict)
        and (kind := rule.get("type")) in _GITHUB_RULES
        and isinstance(number := rule.get("ruleset_id"), int)
    }


def is_bound(ruleset: object) -> bool:
    """Return whether one of GitHub's rulesets says that it holds for the user of the token."""
    return isinstance(ruleset, dict) and ruleset.get("current_user_can_bypass") in _BOUND


def _gitea_question(host: str, path: str, branch: str) -> str:
    """Return the URL of a branch on Gitea, which may be served below a path; a repository has two names."""
    *served, owner, repository = ["", *path.split("/")]
    return f"{host}{'/'.join(served)}/api/v1/repos/{owner}/{repository}/branches/{branch}"
