"""From the raw samples of each pod to `LiveCounts`: what live traffic did in a window of time.

Pods add up, and a restart of a pod changes nothing. All counts come from increments between scrapes of one process;
how those are found is settled in `measure.targets`, `measure.reading` and `measure.counters`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from tollgate.api.evidence import CountedOf
from tollgate.api.metric_profile import LatencyType, MetricProfileSpec, Scope
from tollgate.api.series import Series
from tollgate.measure import reading
from tollgate.measure.aliases import first_named
from tollgate.measure.counts import Block, LiveCounts, LiveSamples, common_edges
from tollgate.measure.histogram import NOTHING
from tollgate.measure.targets import Processes, Target, targets
from tollgate.measure.window import Window
from tollgate.ports import Histogram, Samples

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
    samples = _under_one_name(profile, samples)
    scrapes = [Samples(one.labels, [point for point in one.points if point[1] == 1]) for one in samples.up]
    latency = [*samples.buckets, *samples.counts, *samples.sums, *samples.histograms]
    processes = Processes((*scrapes, *latency, *(samples.requests or ()), *(samples.errors or ())), pod_label)
    window = Window(since, until, float(profile.scrape_interval_seconds))

    histograms = _histograms(profile, samples, processes)
    readable = [target for target in histograms if target.rows]
    for target in readable:
        window.add_latency(target, limits)
    counters = partial(targets, processes=processes, pod_label=pod_label, read=reading.counter, zero=0.0)
    requests = counters({reading.COUNTER: samples.requests or ()})
    for counter in requests:
        window.add_attempts(counter)
    if samples.requests is None:
        window.take_requests_as_attempts()
    errors = counters({reading.COUNTER: samples.errors or ()})
    for counter in errors:
        window.add_errors(counter)

    fresh = {target.pod for target in readable if window.fresh(target.rows[-1][0])}
    scraped = fresh | {
        one.labels.get(pod_label, "") for one in scrapes if any(window.fresh(at) for at, _ in one.points)
    }
    garbled = {target.pod for target in histograms if window.garbled(target)}
    garbled |= {target.pod for target in (*requests, *errors) if window.garbled(target)}
    counted = any(target.rows for target in requests)
    return LiveCounts(
        since=since,
        until=until,
        blocks=dict(window.blocks),
        block_seconds=float(profile.scrape_interval_seconds),
        brackets=dict(window.brackets),
        edges=common_edges(reading.classic_edges(t.sources, scale=profile.latency.scale) for t in readable),
        sums_seen=bool(readable) and window.sums_known,
        errors_asked=samples.errors is not None,
        errors_seen=any(t.rows for t in errors) or (counted and _errors_share_series(profile)),
        requests_missing=samples.requests is not None and not counted,
        pods=dict(window.requests_by_pod),
        scraped=tuple(sorted(scraped)),
        silent=tuple(sorted(set(expected) - scraped)),
        garbled=tuple(sorted(garbled)),
        counted_of=CountedOf.SERVICE if profile.scope is Scope.SERVICE else CountedOf.PODS,
    )


def _under_one_name(profile: MetricProfileSpec, samples: LiveSamples) -> LiveSamples:
    """The samples without those of further names that a pod exports of the same series."""
    latency, pod_label = profile.latency, profile.labels.pod

    def single(series: Series | None, found: Sequence[Samples] | None) -> Sequence[Samples] | None:
        return found if series is None or found is None else first_named(series, {"": found}, pod_label)[""]

    found = {
        "_bucket": samples.buckets,
        "_count": samples.counts,
        "_sum": samples.sums,
        "": samples.histograms,
    }
    if latency.count is not None:
        found |= {"_count": first_named(latency.count, {"": samples.counts}, pod_label)[""]}
        found |= {"_sum": first_named(latency, {"": samples.sums}, pod_label)[""]}
    else:
        found = dict(first_named(latency, found, pod_label))
    return replace(
        samples,
        buckets=found["_bucket"],
        counts=found["_count"],
        sums=found["_sum"],
        histograms=found[""],
        requests=single(profile.requests, samples.requests),
        errors=single(profile.errors, samples.errors),
    )


def _histograms(
    profile: MetricProfileSpec, samples: LiveSamples, processes: Processes
) -> list[Target[Histogram]]:
    parts: Mapping[str, Sequence[Samples]]
    if profile.latency.type is LatencyType.NATIVE:
        parts, read = {reading.NATIVE: samples.histograms}, reading.native
    else:
        parts = {
            reading.BUCKETS: samples.buckets,
            reading.COUNTS: samples.counts,
            reading.SUMS: samples.sums,
        }
        read = reading.classic
    in_seconds = partial(read, scale=profile.latency.scale)
    return targets(parts, processes, profile.labels.pod, read=in_seconds, zero=NOTHING)


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
