"""Live verdicts: asks Prometheus for raw samples of some pods and has them judged.

Whatever goes wrong on the way is a reason of its own in the results, never a verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tollgate.api.budget import BudgetSpec, Dimension, Objective
from tollgate.api.evidence import MOST_BLOCKS, CountedOf
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.verdict import ObjectiveResult, Reason
from tollgate.decide.beside import Beside, counted, not_counted
from tollgate.decide.look import Look
from tollgate.decide.planning import latency_limits, times_judged
from tollgate.decide.traffic import rate_per_pod, whole_rate
from tollgate.errors import MetricsError
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.live import LiveCounts, LiveSamples, count_live
from tollgate.measure.promql import LiveQueries, PodSelector, Selector, live_queries, window_seconds
from tollgate.ports import Metrics, Samples

LOAD_SECONDS = 300
"""Over so long a time the load is looked at, by which limits may be adjusted."""


@dataclass(frozen=True)
class LiveVerdict:
    """What was looked at, its results, the histograms' bucket edges in seconds, and the load where it shows."""

    results: tuple[ObjectiveResult, ...]
    edges: Mapping[Dimension, Sequence[float]] = field(default_factory=dict)
    rate_per_pod: float | None = None
    look: Look | None = None
    mix: Mapping[str, LiveCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class StableArm:
    """What serves beside a canary: its pods with the names of those that are there, and what is compared with them.

    The present segment is the one that has begun with just these pods.
    """

    pods: tuple[tuple[PodSelector, tuple[str, ...]], ...]
    objectives: tuple[Objective, ...]
    segment: Beside


async def judge_pods(
    metrics: Metrics,
    spec: BudgetSpec,
    profile: MetricProfileSpec,
    namespace: str,
    pods: Sequence[Selector],
    *,
    since: datetime,
    now: datetime,
    expected: Sequence[str] = (),
    cost: PodCost | CostUnknown,
    reference_rate: float | None = None,
    previous: Sequence[ObjectiveResult] = (),
    starts: Mapping[str, float] | None = None,
    stable: StableArm | None = None,
    several_versions: bool = False,
) -> LiveVerdict:
    """Every objective judged on what these pods served since an instant, and beside the stable ones if given.

    Nothing is asked where `several_versions` are behind a Service whose series do not tell them apart.
    """
    times = times_judged(spec.objectives, profile)
    queries = [_queries(profile, namespace, selector, since, now) for selector in pods]
    queries += [
        _queries(profile.only_of(d), namespace, selector, since, now) for d in times for selector in pods
    ]
    if stable is not None:
        began = stable.segment.since
        queries += [
            _queries(profile, namespace, selector, began, now, means=False) for selector, _ in stable.pods
        ]
    nothing = LiveCounts(since.timestamp(), now.timestamp())
    look = Look(
        since=since,
        until=now,
        counts=None,
        queries=tuple(dict.fromkeys(query for one in queries for query in astuple(one) if query is not None)),
        cost=cost,
        reference_rate=reference_rate,
        standing=tuple(previous),
        starts=starts,
        timed=dict.fromkeys(times, nothing),
    )
    if several_versions:
        look = replace(look, counts=replace(nothing, counted_of=CountedOf.SEVERAL_VERSIONS), queries=())
        return LiveVerdict(look.judged(spec.objectives, spec.alpha), look=look)

    async def count(of: MetricProfileSpec, limits: Collection[Decimal]) -> LiveCounts:
        counts = [
            await count_pods(
                metrics, of, namespace, selector, limits=limits, since=since, now=now, expected=expected
            )
            for selector in pods
        ]
        return _added(counts)

    try:
        total = await count(profile, latency_limits(spec.objectives))
        timed = {d: await count(profile.only_of(d), limits) for d, limits in times.items()}
        inputs = profile.inputs if spec.drift is not None else []
        mix = {one.name.value: await count(profile.with_latency(one), ()) for one in inputs}
    except MetricsError as error:
        look = replace(look, unavailable=_why(error))
        if stable is not None:
            look = replace(look, beside=not_counted(stable.segment, stable.objectives, _no_data(error)))
        return LiveVerdict(look.judged(spec.objectives, spec.alpha), look=look)
    look = replace(
        look,
        counts=total.coarsened(MOST_BLOCKS),
        timed={d: counts.coarsened(MOST_BLOCKS) for d, counts in timed.items()},
    )
    if stable is not None:
        look = replace(look, beside=await _compared(metrics, profile, namespace, stable, total, now))
    edges = {Dimension.LATENCY: total.edges} | {d: counts.edges for d, counts in timed.items()}
    mix = {name: counts.coarsened(MOST_BLOCKS) for name, counts in mix.items()}
    return LiveVerdict(look.judged(spec.objectives, spec.alpha), edges, rate_per_pod(total), look, mix)


def _added(counts: Sequence[LiveCounts]) -> LiveCounts:
    total = counts[0]
    for more in counts[1:]:
        total = total + more
    return total


async def _compared(
    metrics: Metrics,
    profile: MetricProfileSpec,
    namespace: str,
    stable: StableArm,
    canary: LiveCounts,
    now: datetime,
) -> Beside:
    """What both arms did since the segment began. That the stable one can not be counted costs no verdict on limits."""
    try:
        counts = [
            await count_pods(
                metrics,
                profile,
                namespace,
                selector,
                limits=latency_limits(stable.objectives),
                since=stable.segment.since,
                now=now,
                expected=expected,
                means=False,
            )
            for selector, expected in stable.pods
        ]
    except MetricsError as error:
        return not_counted(stable.segment, stable.objectives, _no_data(error))
    return counted(
        stable.segment, stable.objectives, canary, _added(counts), float(profile.scrape_interval_seconds)
    )


def _no_data(error: MetricsError) -> tuple[Reason, str]:
    return Reason.METRICS_UNAVAILABLE, f"Prometheus gave no data: {_why(error)}"


def _why(error: MetricsError) -> str:
    return str(error) or "it gave no reason"


async def load_of(
    metrics: Metrics, profile: MetricProfileSpec, namespace: str, pods: Sequence[Selector], now: datetime
) -> float | None:
    """Requests per second to these pods, all together, over the last minutes; None where that is not known."""
    since = now - timedelta(seconds=max(LOAD_SECONDS, 2 * STALE_SCRAPES * profile.scrape_interval_seconds))
    rates = []
    try:
        for selector in pods:
            counts = await count_pods(
                metrics, profile, namespace, selector, limits=(), since=since, now=now, means=False
            )
            rates.append(whole_rate(counts))
    except MetricsError:
        return None
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known and len(known) == len(rates) else None


async def count_pods(
    metrics: Metrics,
    profile: MetricProfileSpec,
    namespace: str,
    pods: Selector,
    *,
    limits: Collection[Decimal],
    since: datetime,
    now: datetime,
    expected: Sequence[str] = (),
    means: bool = True,
) -> LiveCounts:
    """What these pods served since an instant; `limits` are latencies in seconds. Raises MetricsError.

    Without `means` the sums of latencies are not asked for.
    """
    queries = _queries(profile, namespace, pods, since, now, means=means)

    async def ask(query: str | None) -> list[Samples] | None:
        return None if query is None else await metrics.samples(query, now)

    first = (queries.buckets, queries.counts, queries.sums, queries.histograms, queries.requests, queries.up)
    buckets, counts, sums, histograms, requests, up = await asyncio.gather(*map(ask, first))
    samples = LiveSamples(
        buckets=buckets or [],
        counts=counts or [],
        sums=sums or [],
        histograms=histograms or [],
        requests=requests,
        up=up or [],
        errors=await ask(queries.errors),  # after the requests: each error known has its request known
    )
    return count_live(
        profile,
        samples,
        limits=limits,
        since=since.timestamp(),
        until=now.timestamp(),
        expected=expected,
    )


def _queries(
    profile: MetricProfileSpec,
    namespace: str,
    pods: Selector,
    since: datetime,
    now: datetime,
    *,
    means: bool = True,
) -> LiveQueries:
    seconds = window_seconds(profile, since.timestamp(), now.timestamp())
    queries = live_queries(profile, namespace, pods, seconds)
    return queries if means else replace(queries, sums=None)
