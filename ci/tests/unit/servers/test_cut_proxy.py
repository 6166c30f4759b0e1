"""The proxy of the tests that cuts connections."""

import asyncio
from typing import Final

import pytest
from tests.servers.cut_proxy import CutProxy

LIMIT: Final = 100_000


async def count(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
    """Answer with the number of bytes that a client has sent."""
    answer.write(b"%d" % len(await client.read()))
    answer.close()


async def send(port: int, size: int) -> bytes | None:
    """Send bytes to a port and return the answer; None if the connection was reset."""
    answer, client = await asyncio.open_connection("127.0.0.1", port)
    try:
        client.write(b"x" * size)
        await client.drain()
        client.write_eof()
        return await answer.read()
    except ConnectionError:
        return None
    finally:
        client.transport.abort()


@pytest.mark.fault(14)
async def test_the_first_large_uploads_are_cut() -> None:
    """Uploads above the limit are reset as often as wanted; smaller ones, and later ones, arrive as a whole."""
    async with await asyncio.start_server(count, "127.0.0.1", 0) as upstream:
        proxy = CutProxy("127.0.0.1", upstream.sockets[0].getsockname()[1], LIMIT, times=2)
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            sizes = [10, 10 * LIMIT, LIMIT - 1, 10 * LIMIT, 10 * LIMIT]
            answers = [await send(port, size) for size in sizes]
            assert answers == [b"10", None, b"%d" % (LIMIT - 1), None, b"%d" % (10 * LIMIT)]
            answer, client = await asyncio.open_connection("127.0.0.1", port)
            client.write(b"GET /cuts HTTP/1.1\r\n\r\n")
            assert (await answer.read()).endswith(b"\r\n\r\n2")
            client.close()
