"""What the error about denied access to a registry contains, tested with real HTTP servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stage_ci.adapters.registry import RegistryLogin
from stage_ci.errors import RegistryAccessDenied

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server


@pytest.mark.fault(6)
async def test_the_message_of_a_403_is_in_the_error(server: Server, script: Scripting) -> None:
    """A 403 fails with the registry's message, because its reason may be a quota instead of missing rights."""
    server.on(
        "GET tags/list", script.json({"errors": [{"code": "DENIED", "message": "quota of 10 GiB exceeded"}]}, 403)
    )
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"answered 403 \(DENIED\): quota of 10 GiB exceeded;"):
            await registry.tags()


@pytest.mark.fault(6, 36)
@pytest.mark.parametrize("form", ["{login.password}", "{basic}", "Bearer canary-token"])
async def test_a_message_that_repeats_a_secret_is_not_in_the_error(
    server: Server, other: Server, script: Scripting, form: str
) -> None:
    """A 403 whose message repeats the password, the Authorization header or the token fails without the message."""
    server.require("Bearer canary-token", f'Bearer realm="{other.url}/token"')
    other.on("GET /token", script.json({"token": "canary-token"}))
    message = "no access for " + form.format(login=script.login, basic=script.basic)
    server.on("GET tags/list", script.json({"errors": [{"code": "DENIED", "message": message}]}, 403))
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"answered 403 \(DENIED\); check"):
            await registry.tags()


@pytest.mark.fault(6)
@pytest.mark.parametrize("challenge", ["Basic", 'Bearer realm="{url}/token"'])
async def test_a_rejected_password_that_ends_with_a_line_break_is_mentioned(
    server: Server, other: Server, script: Scripting, challenge: str
) -> None:
    """A 401 to a password that ends with a line break, as of a file, mentions the line break."""
    server.require("another", challenge.format(url=other.url))
    other.on("GET /token", script.error("UNAUTHORIZED", 401))
    async with script.registry(server, RegistryLogin("robot", "canary-7f3a\n")) as registry:
        with pytest.raises(RegistryAccessDenied, match="the password ends with a line break; check") as denied:
            await registry.tags()
    assert "canary" not in str(denied.value)
