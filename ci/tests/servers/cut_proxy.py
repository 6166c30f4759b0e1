"""A TCP proxy that cuts connections in the middle of an upload; a program of its own, which also runs in a container.

usage: cut_proxy.py PORT HOST UPSTREAM_PORT LIMIT TIMES
Resets both sides of the first TIMES connections on which a client sends more than LIMIT bytes, and forwards all others.
Answers `GET /cuts` with the number of connections that it has cut.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

CHUNK = 16 * 1024


@dataclass
class CutProxy:
    """The proxy.

    Attributes:
        host: Where the server is.
        port: Its port.
        limit: The bytes that a client may send on a connection that is cut.
        times: The number of connections to cut.
        cuts: The number of connections that were cut.
    """

    host: str
    port: int
    limit: int
    times: int
    cuts: int = 0

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Handle one connection."""
        first = await client.read(CHUNK)
        if first.startswith(b"GET /cuts "):
            answer.write(b"HTTP/1.0 200 OK\r\n\r\n%d" % self.cuts)
            answer.close()
            return
        server, upload = await asyncio.open_connection(self.host, self.port)
        upload.write(first)
        back = asyncio.create_task(_forward(server, answer))
        if await _forward(client, upload, lambda size: self._is_cut(len(first) + size)):
            # Unsent data is lost, and the other side gets a reset instead of an end.
            upload.transport.abort()
            answer.transport.abort()
        await back
        upload.close()
        answer.close()

    def _is_cut(self, size: int) -> bool:
        """Return whether a connection on which a client has sent ``size`` bytes must be cut, and count it."""
        cut = size > self.limit and self.cuts < self.times
        self.cuts += cut
        return cut


async def _forward(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, is_cut: Callable[[int], bool] = lambda _: False
) -> bool:
    """Forward until the source ends or ``is_cut`` is true of the bytes so far; return whether it was cut."""
    size = 0
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            size += len(data)
            if is_cut(size):
                return True
            target.write(data)
            await target.drain()
        target.write_eof()
    return False


async def main(port: str, host: str, upstream_port: str, limit: str, times: str) -> None:
    """Serve until the program is killed."""
    proxy = CutProxy(host, int(upstream_port), int(limit), int(times))
    async with await asyncio.start_server(proxy.serve, "0.0.0.0", int(port)) as server:  # noqa: S104 - of a container
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
