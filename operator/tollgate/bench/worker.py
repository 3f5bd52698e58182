"""`python -m tollgate.bench.worker`: a process that sends a share of the load, as `crew` tells it to.

Messages are pickles behind their length, on the standard streams. First come the plan and the requests; then, for each
load, an `Order`, the answer that all is ready, the moment at which to start, and the record. It ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

import uvloop

from tollgate.bench.client import Client
from tollgate.bench.closed import stage_of
from tollgate.bench.plan import Plan
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule
from tollgate.bench.stage import Stage

_LENGTH = struct.Struct("!Q")
READY = "ready"


@dataclass(frozen=True)
class Order:
    """A share of a load, and whether it is the baseline that meets it."""

    schedule: Schedule
    of_baseline: bool


@dataclass(frozen=True)
class Arms:
    """A client for the targets, and one for the baseline if there is one."""

    target: Client
    baseline: Client | None

    @classmethod
    def of(cls, plan: Plan, requests: Requests) -> Arms:
        """Needs a running event loop."""
        return cls(
            Client(plan.targets, requests.access),
            Client(plan.baseline, requests.access) if plan.baseline else None,
        )

    async def close(self) -> None:
        for client in filter(None, (self.target, self.baseline)):
            await client.close()


def pack(message: Any) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(body)) + body


async def receive(stream: asyncio.StreamReader) -> Any:
    """The next message, of a process of our own. IncompleteReadError when the other end is gone."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    return pickle.loads(await stream.readexactly(length))  # noqa: S301 -- it comes from our own parent or child


async def serve(orders: asyncio.StreamReader, records: BinaryIO) -> None:
    """Carry out orders until there are no more."""

    def answer(message: Any) -> None:
        records.write(pack(message))
        records.flush()

    plan, requests = await receive(orders)
    arms = Arms.of(plan, requests)
    answer(READY)
    try:
        while True:
            order: Order = await receive(orders)
            client = arms.baseline if order.of_baseline and arms.baseline else arms.target
            stage = stage_of(order.schedule, requests, client, plan.profile.timeout_seconds)
            answer(READY)
            start: float = await receive(orders)
            answer(await _unless_left_alone(stage, start, orders))
    finally:
        await arms.close()


async def _unless_left_alone(stage: Stage, start: float, orders: asyncio.StreamReader) -> Any:
    """The record of the stage. Nothing is sent meanwhile, so an input that ends is a parent that is gone."""
    running = asyncio.create_task(stage.run(start))
    gone = asyncio.create_task(orders.read(1))
    await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        running.cancel()
        raise asyncio.IncompleteReadError(b"", None)
    gone.cancel()
    await asyncio.wait({gone})  # the stream has one reader at a time
    return running.result()


async def _main(records: BinaryIO) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer
    )
    with contextlib.suppress(asyncio.IncompleteReadError, BrokenPipeError):
        await serve(orders, records)


if __name__ == "__main__":
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # what anything prints must not end up among the records
    uvloop.run(_main(kept))
