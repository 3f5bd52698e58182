"""Real HTTP servers for the load generator to meet, each in a thread of its own: good, slow, broken, hostile."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """host:port of an aiohttp server that answers each POST, whatever its path, with the handler."""

    async def start() -> int:
        app = web.Application()
        app.router.add_post("/{path:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        return int(runner.addresses[0][1])

    yield from _in_thread(start)


@contextmanager
def serving_raw(handler: RawHandler) -> Iterator[str]:
    """host:port of a server that hands each connection to the handler and closes it after that."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    async def start() -> int:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    yield from _in_thread(start)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Take one request with a body off the connection; its head."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    return head


def _in_thread(start: Callable[[], Awaitable[int]]) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(_awaited(start), loop).result(10)
        yield f"127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _awaited(start: Callable[[], Awaitable[int]]) -> int:
    return await start()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
