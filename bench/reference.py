"""A server whose answer times are known: a law for each input, and stalls in which nothing is answered.

It runs in a process of its own and notes on CLOCK_MONOTONIC when it wrote each answer, so that what a client believes
can be held against what happened.
"""

from __future__ import annotations

import asyncio
import heapq
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import cast

import numpy as np
import uvloop
from numpy.typing import NDArray

from tollgate.bench.pacing import Alarm, now

_BODY = b'{"prediction":1}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


@dataclass(frozen=True)
class Law:
    """Input i is answered after `slow` seconds if i % 100 < `percent_slow`, else `fast`; never within a stall.

    A stall begins every `period` seconds of CLOCK_MONOTONIC, and what would be answered in it is answered at its end.
    """

    fast: float = 0.002
    slow: float = 0.010
    percent_slow: int = 10
    period: float = 2.0
    stall: float = 0.1

    def answered(self, arrived: float, number: int) -> float:
        """When a request that arrives then is answered."""
        at = arrived + (self.slow if number % 100 < self.percent_slow else self.fast)
        into = at % self.period
        return at - into + self.stall if into < self.stall else at

    def latencies(self, rate: float) -> NDArray[np.float64]:
        """Those of a hundred periods of constant load whose inputs are taken in a random order."""
        arrived = np.arange(int(100 * self.period * rate)) / rate
        numbers = np.random.default_rng(0).integers(0, 100, len(arrived))
        pairs = zip(arrived.tolist(), numbers.tolist(), strict=True)
        return np.array([self.answered(at, number) - at for at, number in pairs])


NO_STALLS = Law(fast=0.0, slow=0.0, percent_slow=0, stall=0.0)


class Reference:
    """The server, as the process that started it sees it."""

    def __init__(self, port: int, line: Connection) -> None:
        self.target = f"127.0.0.1:{port}"
        self._line = line

    def written(self) -> dict[int, float]:
        """When the answer to each input was written last, on the clock of `now`, since the last time it was asked."""
        self._line.send(None)
        return cast(dict[int, float], self._line.recv())


@contextmanager
def serving(law: Law, cores: set[int]) -> Iterator[Reference]:
    """The server in a process of its own, on the cores given."""
    ours, theirs = multiprocessing.Pipe()
    arguments = (theirs, law, cores)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
    process.start()
    try:
        yield Reference(ours.recv(), ours)
    finally:
        process.terminate()
        process.join()


class _Book:
    """The answers that are still to be written, and the times of those that were."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self.written: dict[int, float] = {}
        self._waiting: list[tuple[float, int, int, asyncio.Transport]] = []
        self._arrivals = 0
        self._alarm = Alarm(self._write_due)

    def take(self, transport: asyncio.Transport, number: int) -> None:
        arrived = now()
        due = self.law.answered(arrived, number)
        if due <= arrived:
            self._write(transport, number)
            return
        self._arrivals += 1  # keeps the heap from comparing transports
        heapq.heappush(self._waiting, (due, self._arrivals, number, transport))
        self._alarm.set(self._waiting[0][0])

    def _write_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= now():
            _, _, number, transport = heapq.heappop(self._waiting)
            self._write(transport, number)
        if self._waiting:
            self._alarm.set(self._waiting[0][0])

    def _write(self, transport: asyncio.Transport, number: int) -> None:
        """Send the answer now: the transport would keep it until all that are due are written, and send them then."""
        at = now()
        if os.write(transport.get_extra_info("socket").fileno(), _ANSWER) != len(_ANSWER):
            raise OSError(f"the answer to input {number} did not fit into the socket's buffer")
        self.written[number] = at


class _Connection(asyncio.Protocol):
    """One request at a time, which ends in ]} and may come in pieces."""

    def __init__(self, book: _Book) -> None:
        self._book, self._seen = book, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._seen.endswith(b"]}"):
            number = int(self._seen[self._seen.rindex(b"[") + 1 : -2])
            self._seen = b""
            self._book.take(self._transport, number)


def _serve(line: Connection, law: Law, cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)

    async def forever() -> None:
        loop, book = asyncio.get_running_loop(), _Book(law)

        def asked() -> None:
            line.recv()
            line.send(book.written)
            book.written = {}

        server = await loop.create_server(lambda: _Connection(book), "127.0.0.1", 0, backlog=4096)
        loop.add_reader(line.fileno(), asked)
        line.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(forever())
