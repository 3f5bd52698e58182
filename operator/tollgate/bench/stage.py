"""Runs one stage: sends each request when it is due, whether or not earlier ones were answered, and records it.

Everything is timed from the stage's start on one monotonic clock. Nothing is judged here: that is `summary` and
`audit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import Iterator

import numpy as np

from tollgate.bench.client import Client
from tollgate.bench.failures import FailedError, StarvedError
from tollgate.bench.pacing import Alarm, now
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule
from tollgate.bench.told import Told
from tollgate.bench.vitals import Vitals

_LEAD = 0.02  # seconds between the start of the clock and the first request that can be due


class Stage:
    """A stage in progress: `run` it once, and ask for its `progress` meanwhile."""

    def __init__(self, schedule: Schedule, requests: Requests, client: Client, timeout: float) -> None:
        self._record = StageRun(schedule, timeout, np.asarray(requests.scored)[schedule.items])
        if requests.tell_more:
            told = self._record.told = Told(len(schedule), requests.asked)
            told.expected[:] = np.asarray(requests.classes)[schedule.items]
        self._due: list[float] = schedule.due.tolist()
        self._items: list[int] = schedule.items.tolist()
        self._place = range(schedule.first, sys.maxsize, schedule.step)
        self._requests = requests
        self._client = client
        self._launched = self._finished = self._failed = 0
        self._full = False
        self._all_launched = asyncio.Event()

    async def run(self, start: float | None = None) -> StageRun:
        """Send everything, wait until each request is answered or timed out, and hand back the records.

        `start` is when the clock of the schedule starts, on that of `now`, where others start with it.
        """
        self._alarm = Alarm(self._launch_due)
        try:
            with _frozen_heap(), Vitals(self._record) as vitals:
                async with asyncio.TaskGroup() as self._group:
                    self._start = now() + _LEAD if start is None else start
                    self._record.began = time.time() + self._start - now()
                    self._alarm.set(self._start + self._due[0] if self._due else self._start)
                    await self._all_launched.wait()
                    vitals.all_sent()
        finally:
            self._alarm.close()
        return self._record

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        return (
            f"{self._launched}{self._of_so_many} sent, {self._finished - self._failed} answered, "
            f"{self._failed} failed, {self._launched - self._finished} in flight"
        )

    @property
    def _of_so_many(self) -> str:
        return f" of {len(self._due)}"

    def _launch_due(self) -> None:
        elapsed = now() - self._start
        while self._launched < len(self._due) and self._due[self._launched] <= elapsed:
            if self._launched - self._finished >= self._client.capacity:
                self._full = True  # the next one to finish goes on here
                self._record.in_flight = self._client.capacity
                return
            self._record.held += self._full
            self._launch()
        self._full = False
        if self._launched < len(self._due):
            self._alarm.set(self._start + self._due[self._launched])
        else:
            self._all_launched.set()

    def _launch(self) -> None:
        self._group.create_task(self._request(self._launched))
        self._launched += 1
        self._record.in_flight = max(self._record.in_flight, self._launched - self._finished)

    def _one_is_done(self) -> None:
        if self._full:
            self._launch_due()

    async def _request(self, number: int) -> None:
        item, record = self._items[number], self._record
        deadline = self._start + self._due[number] + record.timeout
        sent = now()
        try:
            if sent >= deadline:
                raise FailedError(Outcome.TIMEOUT, "its time-out had passed before it could be sent")
            record.sent[number] = sent - self._start
            reader = self._requests.reader()
            ended = await self._client.post(
                self._place[number], self._requests.bodies[item], deadline, reader
            )
            answer = self._requests.read(item, reader)
            record.correct[number] = answer.correct
            if record.told is not None:
                record.told.note(number, answer, self._start)
        except FailedError as error:
            record.starved += isinstance(error, StarvedError)
            ended = self._fail(number, error)
        record.ended[number] = ended - self._start
        self._finished += 1
        self._one_is_done()

    def _fail(self, number: int, error: FailedError) -> float:
        self._record.outcome[number] = error.outcome
        if error.outcome not in self._record.examples:
            self._record.examples[error.outcome] = error.explain(self._client.may_quote)
        self._failed += 1
        return now()


@contextlib.contextmanager
def _frozen_heap() -> Iterator[None]:
    """Collect garbage only among what the stage itself makes: a pause of some 0.1 ms instead of 20.

    Not switched off: aiohttp leaves a small cycle behind with every request, and a stage may send a million.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
