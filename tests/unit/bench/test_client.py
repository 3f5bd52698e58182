"""The client against servers that fail in every way: always an answer or a kind of failure, never a crash."""

from __future__ import annotations

import asyncio
import errno
import gzip
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from itertools import count

import aiohttp
import pytest
from aiohttp import web

from tests.unit.bench.servers import RawHandler, read_request, serving, serving_raw
from tollgate.bench.access import Access
from tollgate.bench.client import Client, _failed
from tollgate.bench.failures import FailedError, StarvedError
from tollgate.bench.pacing import now
from tollgate.bench.protocols.base import MAX_ANSWER
from tollgate.bench.records import Outcome

PREDICT = Access("/predict")
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Bytes:
    """Keeps an answer as it is."""

    most = MAX_ANSWER
    stream = None

    def __init__(self) -> None:
        self.answer = b""

    def feed(self, part: bytes, at: float) -> None:
        self.answer += part

    def document(self) -> bytes:
        return self.answer


async def post(target: str, within: float = 5.0, access: Access = PREDICT) -> bytes:
    client = Client([target], access)
    try:
        return await posted(client, within=within)
    finally:
        await client.close()


async def posted(client: Client, turn: int = 0, within: float = 5.0) -> bytes:
    reader = Bytes()
    await client.post(turn, b"[]", now() + within, reader)
    return reader.document()


async def failure(target: str, within: float = 5.0, access: Access = PREDICT) -> FailedError:
    with pytest.raises(FailedError) as caught:
        await post(target, within, access)
    return caught.value


async def outcome(target: str, within: float = 5.0) -> Outcome:
    return (await failure(target, within)).outcome


def says(data: bytes) -> RawHandler:
    """A server that takes a request, says this and closes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()

    return handler


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def half_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write_eof()
    await reader.read()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    for _ in range(10 * MAX_ANSWER // 65536):
        writer.write(chunk)
        await writer.drain()


async def floods_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)
    await writer.drain()


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (says(b""), Outcome.DISCONNECT),
        (says(GOOD[:-1]), Outcome.DISCONNECT),
        (says(b"HTTP/1.1 200 OK\r\nContent-"), Outcome.DISCONNECT),
        (half_closes, Outcome.DISCONNECT),
        (resets, Outcome.DISCONNECT),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Outcome.GARBAGE),
        (says(bytes(range(256)) * 10), Outcome.GARBAGE),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), Outcome.GARBAGE),
        (
            says(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_ANSWER + 1) + b" " * (MAX_ANSWER + 1)
            ),
            Outcome.GARBAGE,
        ),
        (floods, Outcome.GARBAGE),
        (floods_headers, Outcome.GARBAGE),
        (
            says(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /predict\r\nContent-Length: 0\r\n\r\n"),
            Outcome.REDIRECT,
        ),
        (says(b"HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 2\r\n\r\n{}"), Outcome.HTTP_4XX),
        (says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), Outcome.HTTP_5XX),
        (says(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), Outcome.OTHER),
    ],
)
async def test_a_failing_server(handler: RawHandler, expected: Outcome) -> None:
    with serving_raw(handler) as target:
        assert await outcome(target) is expected


@pytest.mark.parametrize("handler", [hangs, drips])
async def test_a_server_that_is_too_slow(handler: RawHandler) -> None:
    with serving_raw(handler) as target:
        start = now()
        assert await outcome(target, within=0.2) is Outcome.TIMEOUT
        assert now() - start < 2


async def test_an_answer_that_is_found_after_the_time_out_does_not_count() -> None:
    """Whatever the loop sees first when it comes back from a stall: the time-out or the answer."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.1)
        writer.write(GOOD)

    with serving_raw(answers) as target:
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.2)
        assert await outcome(target, within=0.15) is Outcome.TIMEOUT


async def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert await outcome(f"127.0.0.1:{bound.getsockname()[1]}") is Outcome.CONNECT


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """Nobody asked for it, and it may be a bomb."""
    packed = gzip.compress(b" " * 10_000_000)

    async def compressed(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    with serving(compressed) as target:
        error = await failure(target)
    assert error.outcome is Outcome.GARBAGE
    assert error.explain(quote=True) == "the answer is compressed, and nobody asked for that: gzip"


async def test_the_answer_to_a_good_request() -> None:
    async def echo(request: web.Request) -> web.Response:
        assert request.path == "/predict"
        assert request.content_type == "application/json"
        return web.Response(body=await request.read())

    with serving(echo) as target:
        assert await post(target) == b"[]"


async def test_connections_are_kept_and_targets_take_turns() -> None:
    connections = count()

    def counting(name: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            next(connections)
            while True:
                await read_request(reader)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)

        return handler

    with serving_raw(counting(b"a")) as one, serving_raw(counting(b"b")) as other:
        client = Client([one, other], Access("/"))
        answers = [await posted(client, turn) for turn in range(6)]
        await client.close()
    assert answers == [b"a", b"b"] * 3
    assert next(connections) == 2


async def test_an_error_of_the_server_does_not_cost_the_connection() -> None:
    connections = set()

    async def failing(request: web.Request) -> web.Response:
        connections.add(request.transport)
        return web.Response(status=500, text="x" * 100_000)

    with serving(failing) as target:
        client = Client([target], Access("/"))
        for turn in range(3):
            with pytest.raises(FailedError, match="HTTP 500"):
                await posted(client, turn)
        await client.close()
    assert len(connections) == 1


async def test_want_of_sockets_is_the_clients_own_fault() -> None:
    """With no descriptor left, the real connect fails for a reason that is not the server's."""
    with serving_raw(says(GOOD)) as target:
        client = Client([target], Access("/"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # fewer than are open already
        try:
            with pytest.raises(StarvedError):
                await posted(client)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await client.close()


def test_want_of_ports_too() -> None:
    error = aiohttp.ClientOSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert isinstance(_failed(error), StarvedError)


def test_what_nobody_thought_of_is_counted_as_other() -> None:
    assert _failed(RuntimeError("surprise")).outcome is Outcome.OTHER


async def test_a_failure_is_explained_in_the_servers_words() -> None:
    async def unknown(_: web.Request) -> web.Response:
        return web.json_response({"error": "model\nnot found"}, status=404)

    with serving(unknown) as target:
        error = await failure(target)
    assert error.explain(quote=True) == 'HTTP 404: {"error": "model\\nnot found"}'
    assert error.explain(quote=False) == "HTTP 404"


async def test_headers_of_the_profile_are_sent() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.headers['X-Team']} {request.headers['Accept']}")

    with serving(echo) as target:
        assert (
            await post(target, access=Access("/", "text/plain", {"X-Team": "vision"})) == b"vision text/plain"
        )


async def test_nothing_for_too_long_is_a_time_out() -> None:
    with serving_raw(drips) as target:  # a byte each 20 ms
        assert (await failure(target, 0.3, Access("/", idle_timeout=5.0))).explain(
            False
        ) == "no answer in time"
    with serving_raw(hangs) as target:
        error = await failure(target, access=Access("/", idle_timeout=0.1))
    assert error.outcome is Outcome.TIMEOUT
    assert "idleTimeoutSeconds" in str(error)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor any other machine than the targets."""

    async def good(_: web.Request) -> web.Response:
        return web.Response(text="here")

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(good) as target:
        assert await post(target) == b"here"
