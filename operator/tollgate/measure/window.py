"""The blocks of a window of time while they fill with what was counted of each process."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from tollgate.measure.counters import STALE_SCRAPES, Increment, counter_grown, increments, resets
from tollgate.measure.counts import Block, widest
from tollgate.measure.histogram import Bracket, around, grown, slow
from tollgate.measure.targets import Process, Target
from tollgate.ports import Histogram

V = TypeVar("V")
Span = tuple[float, float]


class Window:
    """Counts after `since` and up to `until`, in blocks of a scrape interval; all in seconds.

    Histograms come first: they show when a process restarted, which its other counters need not.
    """

    def __init__(self, since: float, until: float, interval: float) -> None:
        self._all: Span = (since, until)
        self._interval = interval
        self._reach = STALE_SCRAPES * interval
        self.blocks: dict[int, Block] = defaultdict(Block)
        self.brackets: dict[Decimal, Bracket] = {}
        self.requests_by_pod: dict[str, int] = defaultdict(int)
        self.sums_known = True
        self._covered: dict[tuple[str, int], float] = defaultdict(float)
        self._restarts: dict[Process, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        self._of_requests: dict[Process, Span] = {}
        self._of_attempts: dict[Process, Span] = {}

    def fresh(self, at: float) -> bool:
        """Whether a series with its last sample at that instant is not stale."""
        return at >= self._all[1] - self._reach

    def garbled(self, target: Target[V]) -> bool:
        """Whether a process exports something lately that cannot be read."""
        return self.fresh(target.seen) and not (target.rows and self.fresh(target.rows[-1][0]))

    def add_latency(self, target: Target[Histogram], limits: Collection[Decimal]) -> None:
        """Requests, slow ones and the time that a pod served, of one histogram."""
        self._restarts[target.process] += [(target.labels, at) for at in resets(target.rows, grown)]
        self.requests_by_pod[target.pod] += 0  # known, even before its second scrape
        covered: dict[int, float] = defaultdict(float)
        found = increments(target.rows, grown, span=self._all, reach=self._reach)
        for more in found:
            number, requests = self._block(more), round(more.value.count)
            known = not math.isnan(more.value.sum)
            self.blocks[number] += Block(
                requests=requests,
                latency_sum=more.value.sum if known else 0.0,
                slow={limit: slow(more.value, float(limit)) for limit in limits},
            )
            self.sums_known &= known
            self.requests_by_pod[target.pod] += requests
            here = {limit: around(more.value, float(limit)) for limit in limits}
            self.brackets = widest([self.brackets, here])
            covered[number] += more.end - more.start
        for number, seconds in covered.items():
            # a pod with several label sets is still one pod: it costs its time once
            longer = seconds - self._covered[target.pod, number]
            if longer > 0:
                self._covered[target.pod, number] = seconds
                self.blocks[number] += Block(pod_seconds=longer)
        _extend(self._of_requests, target.process, found)

    def add_attempts(self, target: Target[float]) -> None:
        """Requests, by a counter of their own."""
        found = self._counted(target, self._all)
        for more in found:
            self.blocks[self._block(more)] += Block(attempts=round(more.value))
        _extend(self._of_attempts, target.process, found)

    def take_requests_as_attempts(self) -> None:
        """Requests, where they have no counter of their own."""
        for number, block in self.blocks.items():
            self.blocks[number] = replace(block, attempts=block.requests)
        self._of_attempts = self._of_requests

    def add_errors(self, target: Target[float]) -> None:
        """Errors, between those scrapes of the process that its requests were counted between."""
        for more in self._counted(target, self._of_attempts.get(target.process, self._all)):
            self.blocks[self._block(more)] += Block(errors=round(more.value))

    def _counted(self, target: Target[float], span: Span) -> list[Increment[float]]:
        restarts = [at for labels, at in self._restarts[target.process] if _compatible(labels, target.labels)]
        return increments(target.rows, counter_grown, span=span, reach=self._reach, restarts=restarts)

    def _block(self, more: Increment[V]) -> int:
        return int(more.end // self._interval)


def _extend(spans: dict[Process, Span], process: Process, found: Iterable[Increment[V]]) -> None:
    """Widen the span of a process by what was counted of it; it has none, (inf, -inf), before anything was."""
    begin, end = spans.get(process, (math.inf, -math.inf))
    for more in found:
        begin, end = min(begin, more.start), max(end, more.end)
    spans[process] = (begin, end)


def _compatible(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether one process may have both label sets: two workers, told apart by a `pid`, are two."""
    return all(one[name] == other[name] for name in (one.keys() & other.keys()) - {"__name__", "le"})
