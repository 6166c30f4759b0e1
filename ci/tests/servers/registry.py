"""What stands in front of a real registry: its answers, as other registries and worse networks would give them."""

import base64
import http.client
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.servers.front import HOP_BY_HOP, Front
from tests.servers.loopback import Reply, Request


def registry_front(address: str, gate: Callable[[Request], Reply | None] = lambda _: None) -> Front:
    """Return what stands in front of the registry at ``address``, a host and a port."""

    def behind(request: Request) -> Reply:
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            # The Host header goes on: the registry makes the addresses of uploads from it.
            headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        if request.method == "HEAD" and answer.headers["Content-Length"]:
            kept["Content-Length"] = answer.headers["Content-Length"]
        return Reply(answer.status, body, kept)

    return Front(behind, gate)


def unauthorized(challenge: str) -> Reply:
    """Return what a registry answers to whoever does not say who asks."""
    body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}).encode()
    return Reply(401, body, {"WWW-Authenticate": challenge, "Content-Type": "application/json"})


def basic(username: str, password: str) -> str:
    """Return the header of basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def asks_for_basic(authorization: str) -> Callable[[Request], Reply | None]:
    """Let in who brings ``authorization``, and whoever wants the vulnerability database."""

    def gate(request: Request) -> Reply | None:
        if request.authorization == authorization or request.target.startswith("/v2/aquasec/"):
            return None
        return unauthorized('Basic realm="registry"')

    return gate


@dataclass
class TokenService:
    """Gives bearer tokens for a user's password, and takes them back when a test says so.

    Source: https://distribution.github.io/distribution/spec/auth/token/

    Attributes:
        authorization: What has to be brought to get a token.
        given: How many tokens were given to the user.
    """

    authorization: str
    given: int = 0
    _valid: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expire(self) -> None:
        """Take back every token that was given so far."""
        with self._lock:
            self._valid.clear()

    def gate(self, request: Request) -> Reply | None:
        """Give a token on /token; let in who brings one, and whoever wants the vulnerability database."""
        path = urlsplit(request.target).path
        if path == "/token":
            return self._token(request)
        if path.startswith("/v2/aquasec/"):
            return None
        with self._lock:
            known = request.authorization.removeprefix("Bearer ") in self._valid
        if known:
            return None
        repository = "/".join(path.split("/")[2:4])
        scope = f',scope="repository:{repository}:pull,push"' if repository else ""
        return unauthorized(f'Bearer realm="http://{request.headers["host"]}/token",service="registry"{scope}')

    def _token(self, request: Request) -> Reply:
        asked = parse_qs(urlsplit(request.target).query)
        public = any(scope.startswith("repository:aquasec/") for scope in asked.get("scope", []))
        if request.authorization != self.authorization and not public:
            return unauthorized('Basic realm="tokens"')
        with self._lock:
            self.given += not public
            token = secrets.token_hex(16)
            self._valid.add(token)
        return Reply(200, json.dumps({"token": token}).encode(), {"Content-Type": "application/json"})
