"""How often a push is tried, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
import tenacity

from stage_ci.adapters import publisher
from stage_ci.errors import RegistryAccessDenied, RegistryError, RegistryUnavailable, RepositoryMissing
from stage_ci.rules.reference import Repository

if TYPE_CHECKING:
    from stage_ci.adapters.image import Archive


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("failures", "attempts"),
    [
        ([], 1),
        ([RegistryUnavailable("reset")], 2),
        ([RegistryUnavailable("reset")] * 2, 3),
        ([RegistryAccessDenied("denied")], 2),
        ([RegistryUnavailable("reset"), RegistryAccessDenied("denied")], 0),
        ([RegistryAccessDenied("denied")] * 2, 0),
        ([RepositoryMissing("name unknown")], 0),
        ([RegistryUnavailable("reset")] * 3, 0),
    ],
)
async def test_a_push_is_repeated_where_that_can_help(
    monkeypatch: pytest.MonkeyPatch, failures: list[RegistryError], attempts: int
) -> None:
    """Denied access is tried twice, as the first upload may just create the repository; a missing one only once."""
    left, tried = list(failures), []

    async def push_once(*_: object) -> None:
        tried.append(1)
        if left:
            raise left.pop(0)

    monkeypatch.setattr(publisher, "_push_once", push_once)
    monkeypatch.setattr(tenacity, "wait_exponential_jitter", lambda **_: tenacity.wait_none())
    push = publisher.push(
        cast("Archive", "of no engine"), publisher.Destination("registry.example"), Repository.parse("owner/service")
    )
    if attempts:
        await push
        assert len(tried) == attempts
    else:
        with pytest.raises(type(failures[-1])):
            await push
        assert len(tried) == len(failures)
