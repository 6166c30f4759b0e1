"""A conversation with one registry: who asks, how often, and for how long."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from stage_ci.adapters.registry_http import Answer, Question, Wire
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable
from stage_ci.rules.registry import UNAUTHORIZED, TransientError, describe, is_refused, is_transient, retry_after
from stage_ci.rules.registry_auth import BEARER, Challenge, Credentials, bearer, token_address

T = TypeVar("T")

_OK: Final = 200
_AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a registry is given.

    Args:
        attempts: How often one question is asked.
        request_seconds: How long one answer may take.
        wait_seconds: How long to wait between the attempts at one question, altogether.
        total_seconds: How long one call of a public method may take.
        pages: How many pages of a listing are read.
        sleep: Waits for a number of seconds.
    """

    attempts: int = 6
    request_seconds: float = 30.0
    wait_seconds: float = 60.0
    total_seconds: float = 300.0
    pages: int = 1_000
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


PATIENCE: Final = Patience()
# 0.5, 1, 2, 4 and 8 seconds, each with up to half a second more: runs that failed together do not return together.
_BACKOFF: Final = wait_exponential_jitter(multiplier=0.5, max=10, jitter=0.5)


class Session:
    """Asks one registry, proves who asks when the registry wants to know, and asks again where that can help.

    Args:
        base_url: The registry's address.
        name: What to call the registry in errors.
        credentials: Who asks; None for nobody in particular.
        transport: Replaces the network.
        patience: How long the registry is given.
    """

    def __init__(
        self,
        base_url: str,
        name: str,
        credentials: Credentials | None,
        transport: httpx.AsyncBaseTransport | None,
        patience: Patience,
    ) -> None:
        self._base = httpx.URL(base_url)
        self._name = name
        self._credentials = credentials
        self._patience = patience
        self._wire = Wire(name, transport, patience.request_seconds)
        # Kept as headers because their repr hides what they hold.
        self._authorization = httpx.Headers()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Bound what happens inside, however many questions it takes.

        Raises:
            RegistryUnavailable: if it takes longer.
        """
        try:
            with anyio.fail_after(self._patience.total_seconds):
                yield
        except TimeoutError:
            raise RegistryUnavailable(f"{self._name} took more than {self._patience.total_seconds:g} s") from None

    async def persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what ``attempt`` returns, trying again while that can help.

        Args:
            attempt: Asks and reads the answer, so that an unreadable one is asked for again.

        Raises:
            RegistryUnavailable: if the last try allowed fails as well.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=self._is_enough,
            wait=_pause,
            sleep=self._patience.sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except TransientError as error:
            attempts = retrying.statistics["attempt_number"]
            tries = (
                f"attempt {attempts} of {self._patience.attempts}, waiting {self._patience.wait_seconds:g} s at most"
            )
            raise RegistryUnavailable(f"{self._name} {error.cause} ({tries})") from None

    async def ask(self, question: Question) -> Answer:
        """Return the registry's answer, authenticating once if it asks for that.

        Raises:
            TransientError: if asking again may help.
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if the question would leave the registry's own host.
        """
        if not self._is_own(question.url):
            raise RegistryUnavailable(f"{self._name} leads to another host")
        answer = await self._wire.ask(question, self._authorization)
        if answer.status == UNAUTHORIZED:
            self._authorization = await self._prove(answer)
            answer = await self._wire.ask(question, self._authorization)
        return _usable(answer, self._name)

    async def _prove(self, answer: Answer) -> httpx.Headers:
        challenge = Challenge.choose(answer.headers.get_list("WWW-Authenticate"))
        # Only the registry itself may ask for the password, not a host that it redirects to.
        if challenge is None or not self._is_own(str(answer.url)):
            raise RegistryAccessDenied(f"{self._name} {describe(answer.status, answer.body)}")
        if challenge.scheme == BEARER:
            return await self._token(token_address(challenge, str(self._base)))
        basic = self._basic()
        if basic == self._authorization:  # without credentials, or after them
            raise RegistryAccessDenied(f"{self._name} {describe(answer.status, answer.body)}")
        return basic

    async def _token(self, address: str) -> httpx.Headers:
        service = f"its token service {urlsplit(address).netloc}"
        try:
            answer = _usable(await self._wire.ask(Question("GET", address), self._basic()), f"{self._name}: {service}")
            if answer.status != _OK:
                raise RegistryUnavailable(f"{self._name}: {service} {describe(answer.status, answer.body)}")
            return httpx.Headers({_AUTHORIZATION: bearer(answer.body)})
        except TransientError as error:
            raise TransientError(f"waits for {service}, which {error.cause}", error.retry_after) from None

    def _basic(self) -> httpx.Headers:
        return httpx.Headers({_AUTHORIZATION: self._credentials.basic()} if self._credentials else {})

    def _is_own(self, address: str) -> bool:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            return False
        return (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port)

    def _is_enough(self, state: RetryCallState) -> bool:
        waits = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= self._patience.attempts or waits > self._patience.wait_seconds


def _usable(answer: Answer, name: str) -> Answer:
    what = describe(answer.status, answer.body)
    if is_refused(answer.status):
        raise RegistryAccessDenied(f"{name} {what}")
    if is_transient(answer.status):
        seconds = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
        raise TransientError(what if seconds is None else f"{what} and asks to wait {seconds:.0f} s", seconds)
    return answer


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientError) else None
    return _BACKOFF(state) + (asked or 0.0)
