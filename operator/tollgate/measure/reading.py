"""Series of Prometheus to the rows of one process: what each scrape found.

What no process can have counted (NaN, negative, cumulative counts that fall with their edge) is dropped as if that
scrape had been lost: the next good one catches up. It is not repaired, as half a histogram would be a wrong count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tollgate.measure.counters import Row
from tollgate.measure.histogram import possible
from tollgate.ports import Histogram, Samples

V = TypeVar("V")
Sources = Mapping[str, Sequence[Samples]]
"""The series of one process under one label set, by the part they play."""

Read = Callable[[Sources], list[Row[V]]]

COUNTER, NATIVE = "counter", "native"
BUCKETS, COUNTS, SUMS = "buckets", "counts", "sums"


def parse_edge(le: str) -> float | None:
    """The number that an `le` label stands for, `+Inf` included; None when it is not a number."""
    try:
        edge = float(le)
    except ValueError:
        return None
    return None if math.isnan(edge) else edge


def counter(sources: Sources) -> list[Row[float]]:
    """The values of a counter in time order; of several at one instant the largest."""
    column = _column(sources.get(COUNTER, ()))
    return [(at, value) for at, value in column.items() if math.isfinite(value) and value >= 0]


def classic(sources: Sources, *, scale: float) -> list[Row[Histogram]]:
    """A histogram of `le` buckets, each of which counts all observations up to its edge; `scale` is seconds per unit.

    Without an +Inf bucket the count series is the total. The sum comes by another query: a scrape that it does not
    know yet waits for the next look, so that sums and counts are of the same requests.
    """
    by_edge = {edge: _column([one]) for one, edge in _edges(sources)}
    totals = by_edge.pop(math.inf, None) or _column(sources.get(COUNTS, ()))
    sums = _column(sources.get(SUMS, ()))
    columns = sorted(by_edge.items())
    rows = []
    for at, total in totals.items():
        if sums and at not in sums:
            continue
        found = Histogram(total, sums.get(at, math.nan) * scale, _buckets(columns, at, total, scale))
        if possible(found):
            rows.append((at, found))
    return rows


def classic_edges(sources: Sources, *, scale: float) -> tuple[float, ...]:
    """The finite edges of a classic histogram in seconds, ascending."""
    return tuple(sorted(edge * scale for _, edge in _edges(sources) if math.isfinite(edge)))


def native(sources: Sources, *, scale: float) -> list[Row[Histogram]]:
    """Native histograms, of any resolution; `scale` is seconds per unit."""
    samples = [sample for one in sources.get(NATIVE, ()) for sample in one.histograms]
    by_time = dict(sorted(samples, key=lambda sample: (sample[0], sample[1].count)))
    scaled = ((at, _scaled(histogram, scale)) for at, histogram in by_time.items())
    return [(at, histogram) for at, histogram in scaled if possible(histogram)]


def _column(series: Sequence[Samples]) -> dict[float, float]:
    return dict(sorted(point for one in series for point in one.points))


def _edges(sources: Sources) -> list[tuple[Samples, float]]:
    parsed = ((one, parse_edge(one.labels.get("le", ""))) for one in sources.get(BUCKETS, ()))
    return [(one, edge) for one, edge in parsed if edge is not None]


def _buckets(
    columns: Sequence[tuple[float, Mapping[float, float]]], at: float, total: float, scale: float
) -> tuple[tuple[float, float, float], ...]:
    """The observations between each two edges at an instant, where there are any."""
    buckets = []
    left, below = -math.inf, 0.0
    for edge, column in columns:
        upto = column.get(at)
        if upto is not None:
            buckets.append((left, edge * scale, upto - below))
            left, below = edge * scale, upto
    buckets.append((left, math.inf, total - below))
    return tuple(bucket for bucket in buckets if bucket[2] != 0)


def _scaled(histogram: Histogram, scale: float) -> Histogram:
    if scale == 1:
        return histogram
    buckets = tuple((left * scale, right * scale, count) for left, right, count in histogram.buckets)
    return Histogram(histogram.count, histogram.sum * scale, buckets)
