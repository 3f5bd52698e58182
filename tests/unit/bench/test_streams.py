"""Streams over real connections: timed as they come, and each way of going wrong counted as what it is."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from aiohttp import web

from tests.unit.bench.plans import CHAT, request, schedule, stage
from tests.unit.bench.servers import Handler, RawHandler, read_request, serving, serving_raw
from tollgate.api.units import parse_duration
from tollgate.bench.client import Client
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.stage import Stage
from tollgate.bench.summary import summarize

# Each says that it closes: else the next request may meet a connection that is being closed, and has another error.
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def token(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 5}}\n\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def streams(make: Callable[[], AsyncIterator[bytes]]) -> Handler:
    """A server that streams what it makes."""

    async def handler(request: web.Request) -> web.StreamResponse:
        assert (await request.json())["stream"] is True
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for part in make():
            await response.write(part)
        return response

    return handler


def sends(*parts: bytes, then: str = "closes") -> RawHandler:
    """A server that sends these and closes, half-closes, or waits for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then == "half-closes":
            writer.write_eof()
        if then != "closes":
            await reader.read()

    return handler


async def load(target: str, requests: int = 3, within: float = 5.0) -> StageRun:
    made = request("hello", "abc", **CHAT)
    client = Client([target], made.access)
    try:
        return await Stage(schedule(np.arange(requests) / 100), made, client, within).run()
    finally:
        await client.close()


async def test_tokens_are_timed_as_they_come() -> None:
    async def law() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.1)
        for text in "abc":
            yield token(text)
            await asyncio.sleep(0.05)
        yield USAGE
        yield DONE

    with serving(streams(law)) as target:
        run = await load(target, requests=10)
    assert (run.outcome == Outcome.ANSWERED).all()
    assert run.correct.all()
    told = run.told
    assert told is not None
    # A client that reads a token late tells a later time, never an earlier one: the gaps alone may be shorter.
    assert (told.first - run.schedule.due >= 0.1).all()
    assert (told.last - run.schedule.due >= 0.2).all()
    assert (told.last >= told.first).all()
    assert (run.ended >= told.last).all()
    assert (told.chunks == 3).all()
    assert (told.output == 5).all()
    assert (told.input == 2).all()
    assert len(told.gaps) == 20
    assert told.gaps.total == pytest.approx(float((told.last - told.first).sum()))
    result = summarize(stage(), run, [])
    assert result.stream is not None
    assert (result.stream.streams, result.stream.timed, result.stream.chunks) == (10, 10, 30)
    assert result.tokens is not None
    assert (result.tokens.input, result.tokens.output, result.tokens.estimated) == (20, 50, 0)


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (sends(), Outcome.DISCONNECT),
        (sends(CHUNKED, chunk(token("a"))), Outcome.DISCONNECT),
        (sends(CHUNKED, chunk(token("a")), then="half-closes"), Outcome.DISCONNECT),
        (sends(CHUNKED, chunk(token("a"))[:-9], then="half-closes"), Outcome.DISCONNECT),
        (sends(CHUNKED, chunk(token("a")), then="waits"), Outcome.TIMEOUT),
        (sends(CHUNKED, chunk(token("a") + DONE), then="waits"), Outcome.TIMEOUT),
        (sends(HEAD + b"\r\n", then="waits"), Outcome.TIMEOUT),
        (sends(CHUNKED, chunk(token("a")), chunk(b"")), Outcome.CANCELLED),
        (sends(HEAD + b"\r\n", token("a")), Outcome.CANCELLED),
        (sends(CHUNKED, chunk(DONE), chunk(b"")), Outcome.EMPTY),
        (sends(CHUNKED + b"zz\r\n"), Outcome.GARBAGE),
        (sends(CHUNKED, chunk(b"\x00" * 100), chunk(b"")), Outcome.GARBAGE),
        (
            sends(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(token("abc") + DONE)),
            Outcome.GARBAGE,
        ),
        (sends(CHUNKED, *[chunk(b"data: " + b"x" * 1_000_000)] * 40), Outcome.GARBAGE),
        (sends(CHUNKED, *[chunk(b": ping\n\n" * 100_000)] * 50), Outcome.GARBAGE),
        (
            sends(b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            Outcome.HTTP_4XX,
        ),
        (
            sends(b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /v2\r\nContent-Length: 0\r\n\r\n"),
            Outcome.REDIRECT,
        ),
        (
            sends(CHUNKED, chunk(b'data: {"error": {"message": "CUDA out of memory"}}\n\n'), chunk(b"")),
            Outcome.SERVER_ERROR,
        ),
    ],
)
async def test_a_broken_stream_is_counted_explained_and_never_a_pass(
    handler: RawHandler, outcome: Outcome
) -> None:
    with serving_raw(handler) as target:
        run = await load(target, within=1.0 if outcome is Outcome.TIMEOUT else 20.0)
    assert (run.outcome == outcome).all()
    assert run.examples[outcome]
    assert not run.correct.any()
    assert not np.isnan(run.ended).any()
    result = summarize(stage(), run, ["60s"])
    assert result.errors == result.requests == result.over_limit[0].requests == 3
    assert result.error_kinds == {outcome.name.lower(): 3}
    assert (result.stream, result.tokens) == (None, None)


async def test_good_and_bad_streams_side_by_side() -> None:
    """A bad one lends no time to the good ones, and counts as the time-out among the first tokens."""
    numbers = iter(range(100))

    async def mixed() -> AsyncIterator[bytes]:
        yield token("abc")
        if next(numbers) % 4:
            yield DONE

    with serving(streams(mixed)) as target:
        run = await load(target, requests=20, within=9.0)
    assert Counter(Outcome(code) for code in run.outcome.tolist()) == {
        Outcome.ANSWERED: 15,
        Outcome.CANCELLED: 5,
    }
    result = summarize(stage(), run, ["8s"])
    assert result.over_limit[0].requests == 5
    assert result.stream is not None
    assert (result.stream.streams, result.stream.timed) == (15, 0)
    assert result.stream.time_per_output_token is None
    first = result.stream.time_to_first_token
    assert first is not None
    assert (first.p90, first.max) == ("9s", "9s")
    assert parse_duration(first.mean) < 2  # of the good ones: with the bad ones it would be 2.25 s or more
    assert result.tokens is not None
    assert (result.tokens.output, result.tokens.estimated) == (15, 15)
