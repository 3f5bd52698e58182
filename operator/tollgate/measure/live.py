"""From the raw samples of each pod to `LiveCounts`: what live traffic did in a window of time.

Pods add up, and a restart of a pod changes nothing. All counts come from increments between scrapes of one process;
how those are found is settled in `measure.targets` and `measure.counters`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from tollgate.api.profiles import MetricProfileSpec
from tollgate.measure.counters import STALE_SCRAPES, Increment, increments
from tollgate.measure.counts import Block, LiveCounts, LiveSamples, common_edges, widest
from tollgate.measure.histogram import Layout, bracket, layout
from tollgate.measure.targets import Processes, Target, targets

__all__ = ["Block", "LiveCounts", "LiveSamples", "count_live"]


def count_live(
    profile: MetricProfileSpec,
    samples: LiveSamples,
    *,
    limits: Collection[Decimal],
    since: float,
    until: float,
    expected: Collection[str] = (),
) -> LiveCounts:
    """Count what the pods of `samples` did after `since` and up to `until` (Unix seconds).

    `limits` are latencies in seconds; `expected` names the pods that exist and ought to be scraped.
    """
    pod_label = profile.labels.pod
    groups = (samples.buckets, samples.counts, samples.sums, samples.requests or (), samples.errors or ())
    processes = Processes((series for group in groups for series in group), pod_label)
    window = _Window(since, until, float(profile.scrape_interval_seconds))

    histograms = _histograms(profile, samples, processes)
    for target, shape in histograms:
        window.add_latency(target, shape, limits)
    requests = targets({"requests": samples.requests or ()}, processes, pod_label)
    for target in requests:
        window.add_counter(target, "attempts")
    errors = targets({"errors": samples.errors or ()}, processes, pod_label)
    for target in errors:
        window.add_counter(target, "errors")

    if samples.requests is None:
        window.take_requests_as_attempts()
    layouts = [shape for _, shape in histograms]
    fresh = {target.pod for target, _ in histograms if target.rows[-1][0] >= until - window.reach}
    return LiveCounts(
        since=since,
        until=until,
        blocks=dict(window.blocks),
        brackets=widest({limit: bracket(shape.edges, float(limit)) for limit in limits} for shape in layouts),
        edges=common_edges(shape.edges for shape in layouts),
        sums_seen=bool(layouts) and all(shape.sum is not None for shape in layouts),
        errors_asked=samples.errors is not None,
        errors_seen=bool(errors) or (bool(requests) and _errors_share_series(profile)),
        pods=dict(window.requests_by_pod),
        silent=tuple(sorted(set(expected) - fresh)),
    )


def _histograms(
    profile: MetricProfileSpec, samples: LiveSamples, processes: Processes
) -> list[tuple[Target, Layout]]:
    columns = {"bucket": samples.buckets, "count": samples.counts, "sum": samples.sums}
    found = targets(columns, processes, profile.labels.pod, split="le")
    shapes = [(target, layout(target, profile.latency.scale)) for target in found]
    return [(target, shape) for target, shape in shapes if shape is not None]


def _errors_share_series(profile: MetricProfileSpec) -> bool:
    """Whether errors are requests under other labels (`code="500"`).

    Then a process that never failed exports no such labels, and absent is zero. Otherwise an absent error counter may
    be a wrong name, and no data is never a pass.
    """
    return (
        profile.errors is not None
        and profile.requests is not None
        and (profile.errors.series == profile.requests.series)
    )


class _Window:
    """The blocks of a window while they fill."""

    def __init__(self, since: float, until: float, interval: float) -> None:
        self._since, self._until, self._interval = since, until, interval
        self.reach = STALE_SCRAPES * interval
        self.blocks: dict[int, Block] = defaultdict(Block)
        self.requests_by_pod: dict[str, int] = defaultdict(int)
        self._covered: dict[tuple[str, int], float] = defaultdict(float)

    def _increments(self, target: Target) -> Iterator[tuple[int, Increment]]:
        """Increments with the number of the block in which they end."""
        grown_by = increments(
            target.rows,
            since=self._since,
            until=self._until,
            reach=self.reach,
            restarts=target.restarts,
        )
        for grown in grown_by:
            yield int(grown.end // self._interval), grown

    def add_latency(self, target: Target, shape: Layout, limits: Collection[Decimal]) -> None:
        covered: dict[int, float] = defaultdict(float)
        self.requests_by_pod[target.pod] += 0  # known, even before its second scrape
        for number, grown in self._increments(target):
            requests = round(grown.values[shape.total])
            self.blocks[number] += Block(
                requests=requests,
                latency_sum=shape.latency_sum(grown.values),
                slow={limit: shape.slow(grown.values, float(limit)) for limit in limits},
            )
            self.requests_by_pod[target.pod] += requests
            covered[number] += grown.end - grown.start
        for number, seconds in covered.items():
            # a pod with several label sets is still one pod: it costs its time once
            more = seconds - self._covered[target.pod, number]
            if more > 0:
                self._covered[target.pod, number] = seconds
                self.blocks[number] += Block(pod_seconds=more)

    def add_counter(self, target: Target, kind: Literal["attempts", "errors"]) -> None:
        for number, grown in self._increments(target):
            count = round(grown.values[0])
            self.blocks[number] += Block(attempts=count) if kind == "attempts" else Block(errors=count)

    def take_requests_as_attempts(self) -> None:
        for number, block in self.blocks.items():
            self.blocks[number] = replace(block, attempts=block.requests)
