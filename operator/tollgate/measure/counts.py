"""The data of a live verdict: what Prometheus answered, and what was counted from it.

Counts of other pods and of later windows add up (`+`). `measure.live` counts; no verdict is taken here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from tollgate.api.evidence import CountedOf
from tollgate.measure.histogram import Bracket
from tollgate.ports import Samples


@dataclass(frozen=True)
class LiveSamples:
    """What Prometheus answered to each query of `promql.live_queries`.

    Nothing where a query was not asked; for `requests` and `errors`, None tells that from an empty answer. `errors`
    must have been asked when the others were answered, so that no request of an error is missing.
    """

    buckets: Sequence[Samples] = ()
    counts: Sequence[Samples] = ()
    sums: Sequence[Samples] = ()
    requests: Sequence[Samples] | None = None
    errors: Sequence[Samples] | None = None
    histograms: Sequence[Samples] = ()
    up: Sequence[Samples] = ()


@dataclass(frozen=True)
class Block:
    """What all pods together counted in a stretch of time.

    `slow` has the least and most requests slower than each limit; `latency_sum` and `pod_seconds` are in seconds;
    `attempts` are the requests that `errors` are a part of.
    """

    requests: int = 0
    latency_sum: float = 0.0
    slow: Mapping[Decimal, tuple[int, int]] = field(default_factory=dict)
    attempts: int = 0
    errors: int = 0
    pod_seconds: float = 0.0

    def __add__(self, other: Block) -> Block:
        slow = dict(self.slow)
        for limit, (low, high) in other.slow.items():
            before = slow.get(limit, (0, 0))
            slow[limit] = (before[0] + low, before[1] + high)
        return Block(
            self.requests + other.requests,
            self.latency_sum + other.latency_sum,
            slow,
            self.attempts + other.attempts,
            self.errors + other.errors,
            self.pod_seconds + other.pod_seconds,
        )


@dataclass(frozen=True)
class LiveCounts:
    """Counts in the window (since, until], in Unix seconds.

    `blocks` is by number since the epoch, each a scrape interval or `block_seconds` long. `brackets` has the edges
    around each limit, in seconds, and `edges` those that every pod's classic histogram has. `errors_asked` says
    whether the profile has an error counter, `errors_seen` whether any pod exports it: none is not the same as no
    errors. `requests_missing` says that the counter of requests was asked for and not found. `pods` has the requests
    of each pod whose histogram was found. `scraped` names the pods that Prometheus has scraped lately, `silent` the
    expected ones that it has not, and `garbled` those of which something cannot be read. Where a Service was
    counted, the pods are those of its gateway.
    """

    since: float
    until: float
    blocks: Mapping[int, Block] = field(default_factory=dict)
    block_seconds: float = 0.0
    brackets: Mapping[Decimal, Bracket] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    sums_seen: bool = False
    errors_asked: bool = False
    errors_seen: bool = False
    requests_missing: bool = False
    pods: Mapping[str, int] = field(default_factory=dict)
    scraped: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    garbled: tuple[str, ...] = ()
    counted_of: CountedOf = CountedOf.PODS

    @cached_property
    def total(self) -> Block:
        """All blocks added."""
        return sum(self.blocks.values(), Block())

    @property
    def rate_per_pod(self) -> float:
        """Requests per second and pod; 0 without data."""
        return self.total.requests / self.total.pod_seconds if self.total.pod_seconds else 0.0

    @property
    def complete(self) -> list[Block]:
        """The blocks whose time is over, in order: into the last one some pods may yet be scraped."""
        return [
            block
            for number, block in sorted(self.blocks.items())
            if (number + 1) * self.block_seconds <= self.until
        ]

    def merged(self, requests: int) -> list[Block]:
        """Consecutive blocks put together until each has at least so many requests; a last, smaller one is left out.

        A block that is complete stays as it is when more data arrive, as a sequential test needs it.
        """
        merged, open_ = [], Block()
        for _, block in sorted(self.blocks.items()):
            open_ += block
            if max(open_.requests, open_.attempts) >= requests:
                merged.append(open_)
                open_ = Block()
        return merged

    def coarsened(self, most: int) -> LiveCounts:
        """The same counts in at most so many blocks: two, four, eight, ... neighbours put together, from the epoch on.

        How many depends on the time from the first block to the last, and on nothing that was counted.
        """
        first, last, shift = min(self.blocks, default=0), max(self.blocks, default=0), 0
        while (last >> shift) - (first >> shift) >= most:
            shift += 1
        if not shift:
            return self
        blocks: dict[int, Block] = {}
        for number, block in self.blocks.items():
            blocks[number >> shift] = blocks.get(number >> shift, Block()) + block
        return replace(self, blocks=blocks, block_seconds=self.block_seconds * 2**shift)

    def __add__(self, other: LiveCounts) -> LiveCounts:
        """Both together: other pods in the same window, or the window that follows this one."""
        side_by_side = (self.since, self.until) == (other.since, other.until)
        if not side_by_side and other.since != self.until:
            raise ValueError(f"windows that do not meet: one until {self.until}, one since {other.since}")
        blocks = dict(self.blocks)
        for number, block in other.blocks.items():
            blocks[number] = blocks.get(number, Block()) + block
        pods = {pod: self.pods.get(pod, 0) + other.pods.get(pod, 0) for pod in {*self.pods, *other.pods}}
        with_histogram = [counts for counts in (self, other) if counts.pods]
        lately = (self, other) if side_by_side else (other,)
        return LiveCounts(
            since=self.since,
            until=other.until,
            blocks=blocks,
            block_seconds=self.block_seconds,
            brackets=widest([self.brackets, other.brackets]),
            edges=common_edges([counts.edges for counts in with_histogram]),
            sums_seen=bool(with_histogram) and all(counts.sums_seen for counts in with_histogram),
            errors_asked=self.errors_asked or other.errors_asked,
            errors_seen=self.errors_seen or other.errors_seen,
            requests_missing=self.requests_missing and other.requests_missing,
            pods=pods,
            scraped=_all_of(counts.scraped for counts in lately),
            silent=_all_of(counts.silent for counts in lately),
            garbled=_all_of(counts.garbled for counts in lately),
            counted_of=other.counted_of,
        )


def widest(maps: Iterable[Mapping[Decimal, Bracket]]) -> dict[Decimal, Bracket]:
    """For each limit the bracket that holds for all: an edge that one of them lacks is lacking."""
    result: dict[Decimal, Bracket] = {}
    for brackets in maps:
        for limit, one in brackets.items():
            before = result.get(limit, one)
            below = None if one.below is None or before.below is None else min(one.below, before.below)
            above = None if one.above is None or before.above is None else max(one.above, before.above)
            result[limit] = Bracket(below, above)
    return result


def common_edges(edges: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """The edges that all have, ascending."""
    sets = [set(one) for one in edges]
    return tuple(sorted(set.intersection(*sets))) if sets else ()


def _all_of(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))
