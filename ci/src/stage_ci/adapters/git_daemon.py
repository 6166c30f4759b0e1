"""A git client for git's own protocol, which a git daemon serves."""

from collections.abc import Callable
from typing import IO

from dulwich.client import TCPGitClient
from dulwich.protocol import Protocol


class DaemonClient(TCPGitClient):
    """A client of one git daemon that closes a connection on which the server hangs up at once."""

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        # dulwich closes a connection only if it has read its first line (gitprotocol-pack(5), "Reference Discovery").
        protocol, can_read, stderr = super()._connect(cmd, path, protocol_version)
        try:
            first = protocol.read_pkt_line()
        except BaseException:
            protocol.close()
            raise
        protocol.unread_pkt_line(first)
        return protocol, can_read, stderr
