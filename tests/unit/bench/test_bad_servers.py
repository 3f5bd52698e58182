"""A whole benchmark of servers that are no good: counted, explained, never a crash, and never a pass."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.unit.bench.plans import CHAT, TENSOR, profile, stage
from tests.unit.bench.servers import RawHandler, read_request, serving_raw
from tests.unit.decide.objectives import ACCURACY, ERRORS, MEAN, P99, THROUGHPUT
from tollgate.api.transport import LIMIT, decode, encode
from tollgate.api.verdict import Verdict
from tollgate.bench.dataset import Dataset, Item
from tollgate.bench.plan import Plan
from tollgate.bench.requests import Requests
from tollgate.bench.run import run
from tollgate.decide.judge_benchmark import judge_benchmark

REQUESTS = 300  # enough to certify a p99 at 95 %, were they good
STAGE = stage(rate=f"{REQUESTS}req/s").dump()
PROTOCOLS: dict[str, tuple[dict[str, Any], Any]] = {
    "OpenInference": (TENSOR, [1, 2]),
    "OpenAIChat": (CHAT, "hello"),
}


def says(data: bytes, then: str = "goes on") -> RawHandler:
    """A server that says this to each request of a connection, or to one and closes, half-closes, or waits for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(data)
            if then == "half-closes":
                writer.write_eof()
            await writer.drain()
            if then == "closes":
                return
            if then != "goes on":
                await reader.read()

    return handler


def good(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


BAD: dict[str, tuple[RawHandler, set[str]]] = {
    "slow": (says(b"", then="waits"), {"timeout"}),
    "half-closing": (says(b"", then="half-closes"), {"disconnect"}),
    "closing too soon": (says(good(b"{}")[:-1], then="closes"), {"disconnect"}),
    "sending garbage": (says(bytes(range(256)) * 4), {"garbage"}),
    "redirecting": (
        says(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /v3\r\nContent-Length: 0\r\n\r\n"),
        {"redirect"},
    ),
    "with another schema": (says(good(b'{"answer": [3], "usage": 7}')), {"garbage"}),
    "with a list": (says(good(b"[]")), {"garbage"}),
    "with a page": (says(good(b"<html>Welcome to nginx!</html>")), {"garbage"}),
    "with nothing": (says(good(b"")), {"garbage"}),
    "failing": (says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), {"http_5xx"}),
    "refusing": (says(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), {"http_4xx"}),
}


@pytest.mark.parametrize(("fields", "value"), PROTOCOLS.values(), ids=PROTOCOLS)
@pytest.mark.parametrize(("handler", "kinds"), BAD.values(), ids=BAD)
async def test_a_bad_server_is_counted_explained_and_never_a_pass(
    fields: dict[str, Any], value: Any, handler: RawHandler, kinds: set[str]
) -> None:
    with serving_raw(handler) as target:
        await _never_a_pass(target, fields, value, kinds)


@pytest.mark.parametrize(("fields", "value"), PROTOCOLS.values(), ids=PROTOCOLS)
async def test_a_dead_server_too(fields: dict[str, Any], value: Any) -> None:
    await _never_a_pass("127.0.0.1:1", fields, value, {"connect"})


async def _never_a_pass(target: str, fields: dict[str, Any], value: Any, kinds: set[str]) -> None:
    spoken = profile(**fields, stages=[STAGE], timeoutSeconds=1)
    made = Requests(spoken, Dataset([Item(value, "3")], "sha256:" + "0" * 64))
    log: list[str] = []
    result = await run(Plan(profile=spoken, limits=["250ms"], targets=[target]), made, log.append)
    (measured,) = result.stages
    assert measured.requests == measured.errors == measured.over_limit[0].requests == REQUESTS
    assert set(measured.error_kinds) == set(measured.error_examples) == kinds
    assert all(measured.error_examples.values())
    assert any("the first error of kind" in line for line in log)
    assert measured.correct == 0
    assert (measured.stream, measured.tokens) == (None, None)
    message = encode(result)
    assert len(message) <= LIMIT
    objectives = [P99, MEAN, ERRORS, ACCURACY, THROUGHPUT]
    judged = judge_benchmark(objectives, decode(message), confidence=0.95)
    assert Verdict.WITHIN not in {verdict.verdict for verdict in judged}, json.dumps(result.dump())
