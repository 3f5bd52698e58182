"""Live verdicts: asks Prometheus for raw samples of some pods and has them judged.

Whatever goes wrong on the way is a reason of its own in the results, never a verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from decimal import Decimal

from tollgate.api.budget import BudgetSpec
from tollgate.api.evidence import MOST_BLOCKS
from tollgate.api.profiles import MetricProfileSpec
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.look import Look
from tollgate.decide.planning import latency_limits
from tollgate.decide.traffic import rate_per_pod
from tollgate.errors import MetricsError
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.live import LiveCounts, LiveSamples, count_live
from tollgate.measure.promql import LiveQueries, PodSelector, live_queries, window_seconds
from tollgate.ports import Metrics, Samples


@dataclass(frozen=True)
class LiveVerdict:
    """What was looked at, its results, the histogram's bucket edges in seconds, and the load where it shows."""

    results: tuple[ObjectiveResult, ...]
    edges: tuple[float, ...] = ()
    rate_per_pod: float | None = None
    look: Look | None = None


async def judge_pods(
    metrics: Metrics,
    spec: BudgetSpec,
    profile: MetricProfileSpec,
    namespace: str,
    pods: Sequence[PodSelector],
    *,
    since: datetime,
    now: datetime,
    expected: Sequence[str] = (),
    cost: PodCost | CostUnknown,
    reference_rate: float | None = None,
    previous: Sequence[ObjectiveResult] = (),
    starts: Mapping[str, float] | None = None,
) -> LiveVerdict:
    """Every objective judged on what these pods served since an instant."""
    queries = [_queries(profile, namespace, selector, since, now) for selector in pods]
    look = Look(
        since=since,
        until=now,
        counts=None,
        queries=tuple(query for one in queries for query in astuple(one) if query is not None),
        cost=cost,
        reference_rate=reference_rate,
        standing=tuple(previous),
        starts=starts,
    )
    try:
        counts = [
            await count_pods(
                metrics,
                profile,
                namespace,
                selector,
                limits=latency_limits(spec.objectives),
                since=since,
                now=now,
                expected=expected,
            )
            for selector in pods
        ]
    except MetricsError as error:
        look = replace(look, unavailable=str(error) or "it gave no reason")
        return LiveVerdict(look.judged(spec.objectives, spec.alpha), look=look)
    total = counts[0]
    for more in counts[1:]:
        total = total + more
    look = replace(look, counts=total.coarsened(MOST_BLOCKS))
    return LiveVerdict(
        look.judged(spec.objectives, spec.alpha), tuple(total.edges), rate_per_pod(total), look
    )


async def count_pods(
    metrics: Metrics,
    profile: MetricProfileSpec,
    namespace: str,
    pods: PodSelector,
    *,
    limits: Collection[Decimal],
    since: datetime,
    now: datetime,
    expected: Sequence[str] = (),
) -> LiveCounts:
    """What these pods served since an instant; `limits` are latencies in seconds. Raises MetricsError."""
    queries = _queries(profile, namespace, pods, since, now)

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
    profile: MetricProfileSpec, namespace: str, pods: PodSelector, since: datetime, now: datetime
) -> LiveQueries:
    seconds = window_seconds(profile, since.timestamp(), now.timestamp())
    return live_queries(profile, namespace, pods, seconds)
