"""The work queue: keys that are due are worked by a few workers, each key by one at a time.

It must not know what the work is. Keys outlive the workers: a process that loses its lease stops working and
keeps its queue, so that nothing is forgotten when it leads again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import math
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tollgate.errors import Conflict, TollgateError, Unavailable
from tollgate.reconcile.key import Key
from tollgate.runtime.logging import about

logger = logging.getLogger(__name__)

_OUTDATED = 1000  # outdated heap entries that are not worth a clean-up

Work = Callable[[Key], Awaitable[float | None]]


class Gauges(Protocol):
    """What the queue reports."""

    def reconciled(self, key: Key, result: str, seconds: float, waited: float) -> None:
        """A key was worked: with which result, for how long, and how long it had been due."""

    def depth(self, due: int) -> None:
        """So many keys are due and wait for a worker."""


@dataclass(frozen=True)
class Backoff:
    """Delay before a failed key is tried again: doubling with each failure in a row, with jitter downwards."""

    first: float = 1.0
    longest: float = 300.0
    conflict: float = 0.2

    def seconds(self, failures: int, error: Exception, jitter: float) -> float:
        """The delay after that many failures in a row; `jitter` between 0 and 1."""
        first = self.conflict if isinstance(error, Conflict) else self.first
        exponential = min(self.longest, first * 2.0 ** min(failures - 1, 30))
        asked = error.retry_after or 0.0 if isinstance(error, Unavailable) else 0.0
        return max(asked, exponential * (1 - jitter / 2))


_BACKOFF = Backoff()


class WorkQueue:
    """Keys with due times, on the running loop's clock.

    A key is held once, at its earliest due time. One that is enqueued while it is worked runs once more after.
    """

    def __init__(
        self,
        work: Work,
        gauges: Gauges,
        *,
        workers: int = 8,
        work_seconds: float = 120.0,
        backoff: Backoff = _BACKOFF,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._work = work
        self._gauges = gauges
        self._workers = workers
        self._work_seconds = work_seconds
        self._backoff = backoff
        self._jitter = jitter
        self._due: dict[Key, float] = {}  # every key that waits
        self._later: list[
            tuple[float, int, Key]
        ] = []  # heap; an entry that disagrees with `_due` is outdated
        self._ready: deque[Key] = deque()
        self._order = itertools.count()
        self._started: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.running = False
        self._stopping = False
        self._progress_at = -math.inf

    def enqueue(self, key: Key, after: float = 0.0) -> None:
        """Work the key in `after` seconds, unless it is due earlier already."""
        due = asyncio.get_running_loop().time() + max(0.0, after)
        if due < self._due.get(key, math.inf):
            self._due[key] = due
            self._wait(key)

    async def run(self) -> None:
        """Work until `stop` or cancellation. Cancelled work stays in the queue, and a later `run` takes it up."""
        loop = asyncio.get_running_loop()
        self.running, self._stopping, self._progress_at = True, False, loop.time()
        try:
            while not self._stopping:
                self._changed.clear()
                self._start_due(loop.time())
                next_due = self._later[0][0] if self._later else None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(next_due):
                        await self._changed.wait()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            self.running = False
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self) -> None:
        """Begin no more work; `run` returns when the work under way is done."""
        self._stopping = True
        self._changed.set()

    def stuck(self, seconds: float) -> str:
        """Why nothing moves although it should since that many seconds; "" when all is well or it does not run."""
        if not self.running:
            return ""
        now = asyncio.get_running_loop().time()
        for key, since in self._started.items():
            if now - since > self._work_seconds + seconds:
                return f"the work on {key} has been hanging for {now - since:.0f} s"
        waiting = [self._due[key] for key in itertools.islice(self._ready, 1)]
        waiting += [due for due, _, _ in self._later[:1]]
        overdue = now - max(min(waiting, default=math.inf), self._progress_at)
        return f"keys are due, but none was worked for {overdue:.0f} s" if overdue > seconds else ""

    def _wait(self, key: Key) -> None:
        heapq.heappush(self._later, (self._due[key], next(self._order), key))
        if len(self._later) > 2 * len(self._due) + _OUTDATED:
            self._later = [entry for entry in self._later if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._later)
        self._changed.set()

    def _start_due(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due and key not in self._started:
                self._ready.append(key)
        while self._ready and len(self._started) < self._workers:
            key = self._ready.popleft()
            if key not in self._due or key in self._started:
                continue  # the heap held it twice; work under way sees to what came meanwhile
            self._started[key] = now
            task = asyncio.create_task(self._run_one(key, now - self._due.pop(key)), name=str(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._gauges.depth(len(self._ready))

    async def _run_one(self, key: Key, waited: float) -> None:
        loop = asyncio.get_running_loop()
        started, result, again = loop.time(), "ok", None
        try:
            with about(key):
                async with asyncio.timeout(self._work_seconds):
                    again = await self._work(key)
            self._failures.pop(key, None)
        except asyncio.CancelledError:
            result, again = "cancelled", 0.0
            raise
        except Exception as error:
            result, again = self._failed(key, error)
        finally:
            self._progress_at = loop.time()
            del self._started[key]
            self._gauges.reconciled(key, result, loop.time() - started, waited)
            if key in self._due:  # enqueued meanwhile
                self._wait(key)
            if again is not None:
                self.enqueue(key, again)
            self._changed.set()

    def _failed(self, key: Key, error: Exception) -> tuple[str, float]:
        """Result label and delay."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = self._backoff.seconds(failures, error, self._jitter())
        with about(key):
            if isinstance(error, Conflict):
                logger.debug("%s; again in %.1f s", error, seconds)
            elif isinstance(error, TollgateError):
                logger.warning("%s; again in %.0f s", error, seconds)
            elif isinstance(error, TimeoutError):
                logger.error("Gave up after %.0f s; again in %.0f s", self._work_seconds, seconds)
            else:
                logger.error("A bug; again in %.0f s", seconds, exc_info=error)
        return (
            type(error).__name__.lower() if isinstance(error, TollgateError | TimeoutError) else "bug"
        ), seconds
