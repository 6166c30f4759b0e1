"""How often a push is tried, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
import tenacity

from stage_ci.adapters import publisher
from stage_ci.adapters.commands import CommandResult
from stage_ci.errors import RegistryAccessDenied, RegistryError, RegistryUnavailable, RepositoryMissing
from stage_ci.rules.reference import Repository

if TYPE_CHECKING:
    import dagger

    from stage_ci.adapters.image import Archive


class Text:
    """A secret of no engine."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def plaintext(self) -> str:
        """Return the text."""
        return self._text


def destination(username: str, password: str) -> publisher.Destination:
    """Return a registry with a login."""
    secrets = (cast("dagger.Secret", Text(text)) for text in (username, password))
    return publisher.Destination("registry.example", None, *secrets)


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


@pytest.mark.fault(36)
@pytest.mark.parametrize("form", ["canary-51c7", "cm9ib3Q6Y2FuYXJ5LTUxYzc=", "63616e6172792d35316337", "CANARY-51C7"])
async def test_what_skopeo_prints_of_a_login_is_not_shown(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """A registry that repeats the password, or the header that holds it, is quoted without them."""

    async def run(container: dagger.Container, _: object) -> CommandResult:
        return CommandResult(1, "", f"denied: no access for {form}", container)

    monkeypatch.setattr(publisher, "run", run)
    container, repository = cast("dagger.Container", None), Repository.parse("owner/service")
    with pytest.raises(RegistryAccessDenied, match=r"failed: denied: no access for \*\*\*") as denied:
        await publisher._copy(container, [], destination("robot\n", "canary-51c7\n"), repository, "failed")  # noqa: SLF001
    assert form.rstrip("=") not in str(denied.value)


async def test_a_known_reason_of_a_failed_copy_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota has its own remedy, which a word in the name of the repository does not select."""
    stderr = ["denied: no quota is left", "owner/quota: denied"]

    async def run(container: dagger.Container, _: object) -> CommandResult:
        return CommandResult(1, "", stderr.pop(0), container)

    monkeypatch.setattr(publisher, "run", run)
    container, to = cast("dagger.Container", None), publisher.Destination("registry.example")
    for remedy in ("make room on the server", "check the user name"):
        with pytest.raises(RegistryAccessDenied, match=remedy):
            await publisher._copy(container, [], to, Repository.parse("owner/quota"), "failed")  # noqa: SLF001
