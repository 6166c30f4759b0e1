"""One question to a registry and its whole answer, within bounds; knows no rule of the registry protocol."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio
import httpx

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.registry import TransientError

CONNECT_SECONDS: Final = 10.0
BODY_MAX_BYTES: Final = (
    8 * 1024 * 1024
)  # distribution-spec, "Pushing Manifests": registries should take manifests of 4 MiB
REDIRECTS_MAX: Final = 5
# identity: a digest is that of the bytes on the wire, and a small answer cannot unpack into a large one.
_HEADERS: Final = {"User-Agent": "stage-ci", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Question:
    """An HTTP request to be asked once or several times.

    Args:
        method: The HTTP method.
        url: The absolute address.
        headers: Headers beside those of every request and that of the authorization.
        content: The body.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response with its whole body.

    Args:
        url: The address that answered, after redirects.
        status: The status code.
        headers: The headers.
        body: The body; empty after HEAD.
    """

    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)  # of a token service, it holds the token


class Wire:
    """HTTP connections, opened when a question needs them.

    Args:
        name: What to call the registry in errors.
        transport: Replaces the network.
        request_seconds: How long one question may take, redirects and body included.
    """

    def __init__(self, name: str, transport: httpx.AsyncBaseTransport | None, request_seconds: float) -> None:
        self._name = name
        self._transport = transport
        self._seconds = request_seconds
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def ask(self, question: Question, authorization: httpx.Headers) -> Answer:
        """Return the answer to one question.

        Args:
            question: What to ask.
            authorization: The Authorization header or none; it does not follow a redirect to another host.

        Raises:
            TransientError: if no whole answer came back in time.
            RegistryUnavailable: if the answer is none that any later try could better.
        """
        try:
            with anyio.fail_after(self._seconds):
                return await self._follow(question, authorization)
        except (TimeoutError, httpx.TimeoutException):
            raise TransientError(f"gave no answer within {self._seconds:g} s") from None
        except httpx.ConnectError as error:
            # Nothing was sent yet, so the text holds no secret; it names the host, the certificate or the port.
            raise TransientError(f"cannot be reached: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Texts of these may repeat a header.
            raise TransientError(f"gave no readable answer ({type(error).__name__})") from None

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _follow(self, question: Question, authorization: httpx.Headers) -> Answer:
        request = self._request(question, authorization)
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._client(request.url.scheme).send(request, stream=True)
            try:
                if response.next_request is None:
                    return Answer(response.url, response.status_code, response.headers, await self._body(response))
            finally:
                await response.aclose()
            if (request.url.scheme, response.next_request.url.scheme) == ("https", "http"):
                raise RegistryUnavailable(f"{self._name} redirects from https to http")
            request = response.next_request
        raise RegistryUnavailable(f"{self._name} redirects more than {REDIRECTS_MAX} times")

    def _request(self, question: Question, authorization: httpx.Headers) -> httpx.Request:
        headers = httpx.Headers({**_HEADERS, **question.headers})
        headers.update(authorization)
        client = self._client(httpx.URL(question.url).scheme)
        return client.build_request(question.method, question.url, headers=headers, content=question.content)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > BODY_MAX_BYTES:
                raise RegistryUnavailable(f"{self._name} sends more than {BODY_MAX_BYTES} bytes")
        return bytes(body)

    def _client(self, scheme: str) -> httpx.AsyncClient:
        if scheme not in self._clients:
            # Reading the certificates takes longer than listing the tags of an embedded registry. Plain http verifies
            # nothing; should https ever reach that client, a context without certificates trusts nobody.
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if scheme == "http" else True
            timeout = httpx.Timeout(self._seconds, connect=CONNECT_SECONDS)
            self._clients[scheme] = httpx.AsyncClient(verify=verify, transport=self._transport, timeout=timeout)
        return self._clients[scheme]
