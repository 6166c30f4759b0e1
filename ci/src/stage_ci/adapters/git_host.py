"""Asks the API of a hosting service whether a branch takes the pushes of a token; no answer is no objection."""

import json
from typing import Any, Final

import httpx

from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.registry.transport import HttpTransport
from stage_ci.errors import StageError
from stage_ci.rules.branch_protection import (
    binding_rules,
    branch_obstacle,
    branch_questions,
    is_bound,
    protection_question,
)
from stage_ci.rules.registry.protocol import TransientError

_SECONDS: Final = 10.0  # for each question; without its answer, the push decides


async def push_obstacle(url: str, token: str, branch: str) -> str | None:
    """Return why the host would reject a push to ``branch``; None if it would not, or does not say.

    Args:
        url: The URL of the repository.
        token: The token, which is sent to the repository's host, or to GitHub's API.
        branch: The branch.
    """
    transport = HttpTransport(url, None, _SECONDS)
    try:
        found = await gather_all(_ask(transport, question, token) for question in branch_questions(url, branch))
    finally:
        await transport.aclose()
    return next(filter(None, found), None)


async def _ask(transport: HttpTransport, question: str, token: str) -> str | None:
    answer = await _get(transport, question, token)
    for demand, ruleset in binding_rules(answer, question).items():
        if is_bound(await _get(transport, ruleset, token)):
            return demand
    rule = protection_question(answer, question)
    return branch_obstacle(answer, await _get(transport, rule, token) if rule else None)


async def _get(transport: HttpTransport, url: str, token: str) -> Any:  # noqa: ANN401 - JSON
    try:
        # ValueError: a header cannot hold the token, which the git client reports.
        response = await transport.send(httpx.Request("GET", url, headers={"Authorization": f"Bearer {token}"}))
        return json.loads(response.content) if response.is_success else None
    except (TransientError, StageError, ValueError, RecursionError):
        return None
