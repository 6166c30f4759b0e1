"""A session with one registry: authentication, retries and time limits around its HTTP exchanges."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, ParamSpec, TypeVar

import anyio
import httpx

from stage_ci.adapters.registry.policy import RetryPolicy
from stage_ci.adapters.registry.transport import HttpTransport
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable
from stage_ci.rules.registry.auth import BEARER, Challenge, RegistryLogin, bearer, token_form, token_url
from stage_ci.rules.registry.error_response import describe, error_reason, is_limited
from stage_ci.rules.registry.protocol import (
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    UNAUTHORIZED,
    NoResponseError,
    TransientError,
    is_denied,
    is_final_head,
    is_transient,
    retry_after,
)
from stage_ci.rules.remedies import known_remedy

P = ParamSpec("P")
T = TypeVar("T")

# The header of a registry's responses, also of those that are not of the specification's form:
# https://distribution.github.io/distribution/spec/api/#api-version-check
_API_VERSION: Final = "Docker-Distribution-API-Version"
_CHALLENGE: Final = "WWW-Authenticate"
_RETRY_AFTER: Final = "Retry-After"

# Seconds after a push before the registry is asked again for what was pushed.
_AFTER_PUSH: Final = 1.0
_ANONYMOUS: Final = "give the registry's user and password with --docker-username and --docker-password"
# Of a status that another attempt gives as well.
_REJECTED: Final = "check --image and the registry's settings"


class Session:
    """Sends requests to one registry, authenticates if the registry requires it, and retries transient failures.

    Args:
        base_url: The URL of the repository, such as ``https://registry/v2/owner/service``.
        name: The repository's name in errors.
        login: The user; None for anonymous access.
        transport: Replaces the network in tests.
        policy: The number of attempts and the time limits.
    """

    def __init__(
        self,
        base_url: str,
        name: str,
        login: RegistryLogin | None,
        transport: httpx.AsyncBaseTransport | None,
        policy: RetryPolicy,
    ) -> None:
        self._base = httpx.URL(base_url)
        self._name = name
        self._login = login
        self._policy = policy
        self._http = HttpTransport(name, transport, policy.request_seconds)
        # httpx.Headers hides the Authorization header in its repr, and so in a traceback with local variables.
        self._authorization = httpx.Headers()
        self._supported: bool | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Limit the time of the block, however many requests it sends.

        Raises:
            RegistryUnavailable: if the block takes longer than the policy's ``total_seconds``.
        """
        try:
            with anyio.fail_after(self._policy.total_seconds):
                yield
        except TimeoutError:
            raise RegistryUnavailable(f"{self._name} took more than {self._policy.total_seconds:g} s") from None

    async def with_retries(self, attempt: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``attempt`` until it succeeds, up to the policy's bounds.

        Args:
            attempt: Sends the requests and reads the responses, so that an unreadable response is also retried.
            args: The positional arguments of ``attempt``.
            kwargs: The keyword arguments of ``attempt``.

        Raises:
            RegistryUnavailable: if the last attempt fails as well.
        """
        retrying = self._policy.retrying()
        try:
            return await retrying(attempt, *args, **kwargs)
        except TransientError as error:
            number = retrying.statistics["attempt_number"]
            bounds = f"attempt {number} of {self._policy.attempts}, waiting {self._policy.wait_seconds:g} s at most"
            cause = f"{self._name} {error.cause} ({bounds})"
            raise RegistryUnavailable(cause, remedy=known_remedy(error.cause)) from None

    async def pause(self) -> None:
        """Wait as before a first retry, for a registry that does not show yet what was just pushed."""
        await self._policy.sleep(_AFTER_PUSH)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        """Send one request and return the response; authenticate and send it again if the registry answers 401.

        Raises:
            TransientError: if a retry may succeed.
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the URL is not on the registry's own host.
        """
        return self._checked(await self._exchange(method, url, headers or {}, content), self._name)

    async def head(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response | None:
        """Send a HEAD request and return the response; None if it failed, but a GET may succeed.

        Raises:
            TransientError: if a retry may succeed.
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the URL is not on the registry's own host.
        """
        try:
            response = await self._exchange("HEAD", url, headers or {}, b"")
        except NoResponseError:
            return None
        if is_final_head(response.status_code, asks_to_wait=_RETRY_AFTER in response.headers):
            self._checked(response, self._name)
        return response if response.is_success else None

    async def is_registry(self, response: httpx.Response) -> bool:
        """Return whether the host of the registry is one (distribution-spec, "Determining Support").

        Args:
            response: A response that has no code of the specification; that of a host to which the registry redirects,
                such as a storage service, says nothing about the registry.

        Raises:
            TransientError: if the host does not answer, or a retry may succeed.
        """
        if not self._is_own(str(response.url)):
            return False
        if _API_VERSION in response.headers:
            return True
        if self._supported is None:
            self._supported = await self._serves_api()
        return self._supported

    def describe(self, response: httpx.Response) -> str:
        """Return a phrase for a response, with its codes and the reason that the registry gives."""
        return self.with_reason(describe(response.status_code, response.content), response)

    def with_reason(self, description: str, response: httpx.Response) -> str:
        """Return ``description`` with the reason that a response gives, if any, such as the title of a page."""
        # RFC 6750, 3: a response without a body, as to HEAD, may give its reason in the challenge.
        challenges = (each for header in response.headers.get_list(_CHALLENGE) for each in Challenge.parse(header))
        described = (each.parameters.get("error_description", "").encode() for each in challenges)
        reasons = (error_reason(text, self._secrets()) for text in (response.content, *described))
        reason = next(filter(None, reasons), "")
        return f"{description}: {reason}" if reason else description

    def rejected(self, response: httpx.Response, service: str = "") -> RegistryUnavailable:
        """Return the error for a status that is no success, and that another attempt gives as well.

        Args:
            response: The response.
            service: Which server sent it, written to follow the repository's name; empty if it was the registry.
        """
        description = self.describe(response)
        remedy = known_remedy(description) or _REJECTED
        return RegistryUnavailable(f"{self._name}{service} {description}", remedy=remedy)

    async def _serves_api(self) -> bool:
        response = await self._http.send(httpx.Request("GET", self._base.join("/v2/"), headers=self._authorization))
        if is_transient(response.status_code):
            self._checked(response, self._name)
        is_page = response.content.lstrip().startswith(b"<")
        requires_login = response.status_code == UNAUTHORIZED and _CHALLENGE in response.headers
        return self._is_own(str(response.url)) and (requires_login or (response.is_success and not is_page))

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        if not self._is_own(url):
            raise RegistryUnavailable(f"{self._name} leads to another host")
        request = httpx.Request(method, url, headers={**headers}, content=content)
        request.headers.update(self._authorization)
        response = await self._http.send(request)
        if response.status_code == UNAUTHORIZED:
            self._authorization = await self._authenticate(response)
            request.headers.update(self._authorization)
            response = await self._http.send(request)
        return response

    # Not an httpx.Auth: its flow reads the token service's response without the bounds of HttpTransport.
    async def _authenticate(self, response: httpx.Response) -> httpx.Headers:
        challenge = Challenge.choose(response.headers.get_list(_CHALLENGE))
        # Only the registry itself may request the password, not a host that it redirects to.
        if challenge is None or not self._is_own(str(response.url)):
            raise self._denied(response, self._name)
        if challenge.scheme == BEARER:
            return await self._token(challenge)
        basic = self._basic()
        if basic == self._authorization:  # no login, or the registry has just rejected it
            raise self._denied(response, self._name)
        return basic

    async def _token(self, challenge: Challenge) -> httpx.Headers:
        # With a login, push access is requested from the first token on. Some registries create a repository with
        # its first push and answer 401 to a token for pull alone until then; a token service grants what the user
        # has of the requested access (https://distribution.github.io/distribution/spec/auth/token/).
        url = token_url(challenge, str(self._base), push=self._login is not None)
        name = f"its token service {httpx.URL(url).netloc.decode()}"
        try:
            response = await self._token_response(url)
            named = token_url(challenge, str(self._base), push=False)
            if response.status_code == FORBIDDEN and url != named:
                # Another service denies all if the user lacks a part, as one with rights to read only does.
                response = await self._token_response(named)
            response = self._checked(response, f"{self._name}: {name}")
            if not response.is_success:
                raise self.rejected(response, f": {name}")
            return httpx.Headers({"Authorization": bearer(response.content)})
        except TransientError as error:
            raise TransientError(f"requires a token of {name}, which {error.cause}", error.retry_after) from None

    async def _token_response(self, url: str) -> httpx.Response:
        response = await self._http.send(httpx.Request("GET", url, headers=self._basic()))
        if response.status_code == METHOD_NOT_ALLOWED and self._login:
            url, form = token_form(url, self._login)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            response = await self._http.send(httpx.Request("POST", url, headers=headers, content=form))
        return response

    def _checked(self, response: httpx.Response, name: str) -> httpx.Response:
        limited = not response.is_success and is_limited(response.content)
        if is_denied(response.status_code) and not limited:
            raise self._denied(response, name)
        if is_transient(response.status_code) or limited:
            what = describe(response.status_code, response.content)
            seconds = retry_after(response.headers.get(_RETRY_AFTER), datetime.now(UTC))
            what = what if seconds is None else f"{what} and asks to wait {seconds:.0f} s"
            raise TransientError(self.with_reason(what, response), seconds)
        return response

    def _denied(self, response: httpx.Response, name: str) -> RegistryAccessDenied:
        description = self.describe(response)
        remedy = known_remedy(description) or (None if self._login else _ANONYMOUS)
        return RegistryAccessDenied(f"{name} {description}", remedy=remedy)

    def _secrets(self) -> list[str]:
        headers = (self._authorization.get("Authorization", ""), self._basic().get("Authorization", ""))
        passwords = [self._login.password] if self._login else []
        return [*passwords, *(header.partition(" ")[2] for header in headers)]

    def _basic(self) -> httpx.Headers:
        return httpx.Headers({"Authorization": self._login.basic()} if self._login else {})

    def _is_own(self, url: str) -> bool:
        try:
            other = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        return (other.scheme, other.host, other.port) == (self._base.scheme, self._base.host, self._base.port)
