"""Questions to the API of a hosting service about a branch, before anything is published."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters import git_host
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

TOKEN: Final = "canary-51c7"  # noqa: S105 - a canary
GITLAB: Final = "GET /api/v4/projects/owner%2Finfra/repository/branches/env%2Fmain"
GITEA: Final = "GET /api/v1/repos/owner/infra/branches/env%2Fmain"
GITEA_RULE: Final = "GET /api/v1/repos/owner/infra/branch_protections/env%2F%2A"
GITHUB: Final = "GET /api/v3/repos/owner/infra/rules/branches/env%2Fmain?per_page=100"
RULESET: Final = "GET /api/v3/repos/owner/infra/rulesets/7"


async def ask(server: Server) -> None:
    """Ask a server about the branch env/main."""
    await Infrastructure(f"{server.url}/owner/infra.git", TOKEN).raise_if_protected("env/main")


@pytest.mark.fault(18)
@pytest.mark.parametrize(("question", "key"), [(GITLAB, "can_push"), (GITEA, "user_can_push")])
async def test_a_branch_that_is_not_the_tokens_is_reported(
    server: Server, script: Scripting, question: str, key: str
) -> None:
    """A branch to which GitLab, Gitea or Forgejo let the user not push fails, and one to which they do passes."""
    server.on(question, script.json({"name": "env/main", "protected": True, key: True}))
    await ask(server)
    assert {request.authorization for request in server.requests} == {f"Bearer {TOKEN}"}
    server.on(question, script.json({"name": "env/main", "protected": True, key: False}))
    with pytest.raises(
        InfrastructureAccessDenied,
        match=r"would reject a push to env/main: the user of the token may not push to it; allow this user to push",
    ):
        await ask(server)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("pull_request", "it requires a pull request; allow the user of the token to push to this branch without"),
        ("required_signatures", "it requires signed commits; the pipeline does not sign commits"),
        ("update", "only some users may update it; allow this user to push to it"),
    ],
)
@pytest.mark.parametrize("bypass", ["never", "pull_requests_only", "always", "exempt", None])
async def test_a_rule_of_github_counts_if_it_binds_the_user(
    server: Server, script: Scripting, kind: str, remedy: str, bypass: str | None
) -> None:
    """A rule that no push of the pipeline passes fails, unless its ruleset does not say that it holds for the user."""
    server.on(GITHUB, script.json([{"type": "deletion", "ruleset_id": 3}, {"type": kind, "ruleset_id": 7}]))
    server.on(RULESET, script.json({"id": 7, "current_user_can_bypass": bypass} if bypass else {"id": 7}))
    if bypass in {"never", "pull_requests_only"}:
        with pytest.raises(InfrastructureAccessDenied, match=remedy):
            await ask(server)
    else:
        await ask(server)


@pytest.mark.fault(18)
async def test_the_rule_of_a_branch_is_read_by_an_administrator(server: Server, script: Scripting) -> None:
    """To administrators, Gitea names the rule of a branch, and the rule says that commits must be signed."""
    branch = {"protected": True, "user_can_push": True, "effective_branch_protection_name": "env/*"}
    server.on(GITEA, script.json(branch))
    server.on(GITEA_RULE, script.json({"rule_name": "env/*", "require_signed_commits": True}))
    with pytest.raises(InfrastructureAccessDenied, match="it requires signed commits; the pipeline does not sign"):
        await ask(server)
    assert {request.authorization for request in server.requests} == {f"Bearer {TOKEN}"}
    server.on(GITEA_RULE, script.json({"rule_name": "env/*", "require_signed_commits": False}))
    await ask(server)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_rule_that_cannot_be_read_leaves_what_the_branch_says(
    server: Server, script: Scripting, status: int
) -> None:
    """Without an answer about the rule, the description of the branch counts."""
    branch = {"protected": True, "user_can_push": False, "effective_branch_protection_name": "env/*"}
    server.on(GITEA, script.json(branch))
    server.on(GITEA_RULE, script.reply(status))
    with pytest.raises(InfrastructureAccessDenied, match="the user of the token may not push to it"):
        await ask(server)
    server.on(GITEA, script.json(branch | {"user_can_push": True}))
    await ask(server)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1, null]", b"{}", b'[{"type": "pull_request"}]', b"[" * 60_000])
@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 500])
async def test_a_host_that_does_not_say_is_fine(server: Server, script: Scripting, status: int, body: bytes) -> None:
    """Any other answer says nothing about the branch, and the push itself decides."""
    for question in (GITLAB, GITEA, GITHUB):
        server.on(question, script.reply(status, body, {"Location": "/elsewhere"}))
    await ask(server)
    assert sorted(line for line in server.lines if "/api/" in line) == sorted([GITLAB, GITEA, GITHUB])


async def test_a_host_that_does_not_answer_is_fine(
    server: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose API is silent or refuses connections says nothing about the branch."""
    monkeypatch.setattr(git_host, "_SECONDS", 0.2)
    server.on(GITLAB, script.reply(stall=True))
    await ask(server)
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/owner/infra.git"
    await Infrastructure(url, TOKEN).raise_if_protected("main")


@pytest.mark.parametrize(("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", "::1/128")])
async def test_a_proxy_variable_that_cannot_be_used_is_fine(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Proxy variables that httpx does not understand prevent the question only."""
    monkeypatch.setenv(name, value)
    await ask(server)


@pytest.mark.fault(18)
@pytest.mark.parametrize("token", ["canary\N{EM DASH}51c7", "canary\n51c7", "canary\0"])
async def test_a_token_that_no_header_holds_is_left_to_the_git_client(server: Server, token: str) -> None:
    """A token with other characters asks nothing; the git client, which runs beside the question, reports it."""
    await Infrastructure(f"{server.url}/owner/infra.git", token).raise_if_protected("env/main")
    assert server.requests == []


async def test_without_a_token_nothing_is_asked(server: Server) -> None:
    """Without a token nobody pushes, so nothing is asked."""
    await Infrastructure(f"{server.url}/owner/infra.git").raise_if_protected("main")
    assert server.requests == []
