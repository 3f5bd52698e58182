"""The processes that send a load together: this one, and workers beside it, which all start at the same moment.

One event loop holds so many requests a second and no more. A worker that dies, or does not answer in time, is lost for
the rest of the benchmark: its share is missing from then on, and the record says so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any, Self

from tollgate.bench.closed import stage_of
from tollgate.bench.merge import deal, merge
from tollgate.bench.pacing import now
from tollgate.bench.plan import Plan
from tollgate.bench.records import StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule
from tollgate.bench.stage import Stage
from tollgate.bench.worker import Arms, Order, pack, receive

_LEAD = 0.3  # seconds for all to put their heaps in order, between the last one's `ready` and the start
_PATIENCE = 30.0  # seconds for what a busy node may do to a worker, beyond the time that its share takes


class Crew:
    """Sends schedules with `plan.profile.workers` processes. Use it as an asynchronous context manager."""

    def __init__(self, plan: Plan, requests: Requests) -> None:
        self._plan, self._requests = plan, requests
        self._workers: list[_Worker] = []
        self._mine: Stage | None = None

    async def __aenter__(self) -> Self:
        self._arms = Arms.of(self._plan, self._requests)
        hello = pack((self._plan, self._requests))
        self._workers = [_Worker() for _ in range(self._plan.profile.workers - 1)]
        await asyncio.gather(*(worker.start(hello) for worker in self._workers))
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self._workers:
            await worker.end()
        await self._arms.close()

    @property
    def progress(self) -> str:
        """How far the share of this process is, in words."""
        share = f" (worker 1 of {len(self._workers) + 1})" if self._workers else ""
        return f"{self._mine.progress}{share}" if self._mine else "not begun"

    async def load(
        self, schedule: Schedule, *, of_baseline: bool = False, start: float | None = None
    ) -> StageRun:
        """Send a schedule, all shares from the same start: at once, or when the clock of `now` says `start`."""
        number = _senders(schedule, len(self._workers) + 1)
        client = self._arms.baseline if of_baseline else self._arms.target
        assert client is not None  # nobody asks for a baseline that is not in the plan
        shares = [deal(schedule, k, number) for k in range(number)]
        mine = stage_of(shares[0], self._requests, client, self._plan.profile.timeout_seconds)
        others = list(zip(self._workers[: number - 1], shares[1:], strict=True))
        await asyncio.gather(*(worker.prepare(Order(share, of_baseline)) for worker, share in others))
        self._mine = mine
        if others and start is None:
            start = now() + _LEAD
        until = schedule.longest(self._plan.profile.timeout_seconds) + _PATIENCE
        runs = await asyncio.gather(
            mine.run(start), *(worker.run(start or 0.0, until) for worker, _ in others)
        )
        return merge(schedule, runs)


def _senders(schedule: Schedule, workers: int) -> int:
    """How many of so many workers send it: in a closed loop each needs a place, and one in step has one clock."""
    if schedule.loop is None:
        return workers
    return 1 if schedule.loop.in_step else min(workers, schedule.loop.width)


class _Worker:
    """One process; `lost` says why there is none any more."""

    def __init__(self) -> None:
        self.lost = ""
        self._process: Process | None = None

    async def start(self, hello: bytes) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tollgate.bench.worker", stdin=PIPE, stdout=PIPE, start_new_session=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        await self._ask(hello, _PATIENCE)

    async def prepare(self, order: Order) -> None:
        await self._ask(pack(order), _PATIENCE)

    async def run(self, start: float, seconds: float) -> StageRun | str:
        """The record of the share that was prepared, or why there is none."""
        record = await self._ask(pack(start), max(0.0, start - now()) + seconds)
        return self.lost or record

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, message: bytes, seconds: float) -> Any:
        """The answer; none from a worker that is lost, which it is as soon as it gives none."""
        if self.lost:
            return None
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(message)
                await self._process.stdin.drain()
                return await receive(self._process.stdout)
        except TimeoutError:
            self.lost = f"no answer within {seconds:.0f} s"
            await self.end()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost = f"its process ended with status {await self._process.wait()}"
        return None
