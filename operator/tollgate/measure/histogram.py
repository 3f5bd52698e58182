"""Histograms, classic and native alike: what they grew by, and how many requests were slower than a limit.

The number of requests up to an edge is known, and so is that up to any point outside the buckets that hold some;
inside one it is only bounded. Nothing is interpolated here, as an interpolated count is not evidence.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tollgate.ports import Histogram

_SAME_EDGE = 1e-9
"""Relative difference at which two edges are one: `0.25` and 250 ms are the same number."""

NOTHING = Histogram(0.0, 0.0)
"""A histogram without an observation: what a process starts with."""


@dataclass(frozen=True)
class Bracket:
    """The edges around a limit, in the limit's unit; both are the limit itself where nothing hides around it."""

    below: float | None
    above: float | None

    @property
    def exact(self) -> bool:
        """True when the limit is an edge."""
        return self.below is not None and self.below == self.above


def bracket(edges: Sequence[float], limit: float) -> Bracket:
    """The finite `edges` (ascending) around `limit`: None below the lowest and above the highest."""
    for edge in edges:
        if _same(edge, limit):
            return Bracket(edge, edge)
    above = bisect_left(edges, limit)
    return Bracket(edges[above - 1] if above else None, edges[above] if above < len(edges) else None)


def possible(histogram: Histogram) -> bool:
    """Whether a process can have counted this: finite and not negative, buckets in order, no more than there are."""
    counts = [histogram.count, *(count for _, _, count in histogram.buckets)]
    if not all(math.isfinite(count) and count >= 0 for count in counts):
        return False
    end = -math.inf
    for left, right, _ in histogram.buckets:
        if not (left < right or left == right == 0) or _less(left, end):
            return False
        end = right
    return sum(counts[1:]) <= histogram.count * (1 + _SAME_EDGE)


def grown(old: Histogram, new: Histogram) -> Histogram | None:
    """What `old` grew by to become `new`; None when a count fell, so that the process restarted between them.

    Their buckets may differ, as Prometheus lowers the resolution of native histograms when they grow. So they are
    compared in the narrowest stretches between points that are inside no bucket of either.
    """
    stretches: list[tuple[float, float, float]] = []
    taken = [(left, right, -count) for left, right, count in old.buckets]
    for left, right, count in sorted([*taken, *new.buckets], key=lambda bucket: bucket[:2]):
        if stretches and (stretches[-1][:2] == (left, right) or _less(left, stretches[-1][1])):
            begin, end, so_far = stretches[-1]
            stretches[-1] = (begin, max(end, right), so_far + count)
        else:
            stretches.append((left, right, count))
    counts = [count for _, _, count in stretches]
    more = new.count - old.count
    if min(counts, default=0) < 0 or _less(more, sum(counts)):
        return None
    buckets = tuple(stretch for stretch in stretches if stretch[2] > 0)
    return Histogram(more, new.sum - old.sum, buckets)


def slow(histogram: Histogram, limit: float) -> tuple[int, int]:
    """The least and most observations above `limit`; one that is NaN counts as above."""
    fast_at_most = sum(count for left, _, count in histogram.buckets if _less(left, limit))
    fast_at_least = sum(count for _, right, count in histogram.buckets if not _less(limit, right))
    return max(0, round(histogram.count - fast_at_most)), max(0, round(histogram.count - fast_at_least))


def around(histogram: Histogram, limit: float) -> Bracket:
    """The edges of the bucket that hides which of its observations are above `limit`; see `Bracket`."""
    for left, right, _ in histogram.buckets:
        if _less(left, limit) and _less(limit, right):
            return Bracket(left if math.isfinite(left) else None, right if math.isfinite(right) else None)
    return Bracket(limit, limit)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME_EDGE)


def _less(one: float, other: float) -> bool:
    return one < other and not _same(one, other)
