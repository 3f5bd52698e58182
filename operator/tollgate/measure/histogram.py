"""Classic histograms: how many requests were slower than a limit, exactly or as an interval that says why not.

Buckets are cumulative counters by their upper edge `le`. At an edge the count is exact; between two edges it is only
bounded, and above the highest finite edge nothing but the total is known. Nothing is interpolated here, as an
interpolated count is not evidence.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tollgate.measure.targets import Target

_SAME_EDGE = 1e-9
"""Relative difference at which a limit is an edge: `0.25` and 250 ms are the same number."""


def parse_edge(le: str) -> float | None:
    """The number that an `le` label stands for, `+Inf` included; None when it is not a number."""
    try:
        edge = float(le)
    except ValueError:
        return None
    return None if math.isnan(edge) else edge


@dataclass(frozen=True)
class Bracket:
    """The edges around a limit, in the limit's unit; both are the limit's own edge where there is one."""

    below: float | None
    above: float | None

    @property
    def exact(self) -> bool:
        """True when the limit is an edge."""
        return self.below is not None and self.below == self.above


def bracket(edges: Sequence[float], limit: float) -> Bracket:
    """The finite `edges` (ascending) around `limit`: None below the lowest and above the highest."""
    for edge in edges:
        if math.isclose(edge, limit, rel_tol=_SAME_EDGE):
            return Bracket(edge, edge)
    above = bisect_left(edges, limit)
    return Bracket(edges[above - 1] if above else None, edges[above] if above < len(edges) else None)


@dataclass(frozen=True)
class Layout:
    """Which column of a target's rows holds what. Edges are in seconds, finite, ascending."""

    total: int
    sum: int | None
    edges: tuple[float, ...]
    columns: tuple[int, ...]
    scale: float

    def latency_sum(self, growth: Sequence[float]) -> float:
        """Sum of the latencies of an increment, in seconds; 0 without a sum series."""
        return 0.0 if self.sum is None else growth[self.sum] * self.scale

    def slow(self, growth: Sequence[float], limit: float) -> tuple[int, int]:
        """The least and most requests slower than `limit` seconds that an increment of a row allows."""
        around = bracket(self.edges, limit)
        total = growth[self.total]
        fast_at_most = total if around.above is None else growth[self._column(around.above)]
        fast_at_least = 0.0 if around.below is None else growth[self._column(around.below)]
        return _count(total - fast_at_most), _count(total - fast_at_least)

    def _column(self, edge: float) -> int:
        return self.columns[self.edges.index(edge)]


def _count(value: float) -> int:
    return max(0, round(value))


def layout(target: Target, scale: float) -> Layout | None:
    """The layout of a histogram read with columns `bucket/LE`, `count` and `sum`; None when the total is missing.

    `scale` is the seconds in one unit of the histogram. Without `count` the +Inf bucket is the total.
    """
    by_edge: dict[float, int] = {}
    named: dict[str, int] = {}
    for column, name in enumerate(target.names):
        kind, _, le = name.partition("/")
        edge = parse_edge(le) if kind == "bucket" else None
        if edge is None:
            named[kind] = column
        else:
            by_edge[edge] = column
    total = named.get("count", by_edge.pop(math.inf, None))
    by_edge.pop(math.inf, None)
    if total is None:
        return None
    edges = sorted(by_edge)
    return Layout(
        total=total,
        sum=named.get("sum"),
        edges=tuple(edge * scale for edge in edges),
        columns=tuple(by_edge[edge] for edge in edges),
        scale=scale,
    )
