"""Raw counter samples to increments, exactly: resets handled, nothing extrapolated.

A scrape reads all series of a process at one timestamp, so several counters of one process are kept as rows
(timestamp, values) and judged together: if one of them drops, the process restarted and all began at zero.
This module must not know what the counters count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
Row = tuple[float, tuple[float, ...]]

STALE_SCRAPES = 5
"""A series without a sample for so many scrape intervals is stale."""


@dataclass(frozen=True)
class Increment:
    """What the counters of a row grew by between two scrapes, after `start` and up to `end` (Unix seconds)."""

    start: float
    end: float
    values: tuple[float, ...]


def align(columns: Sequence[Iterable[Point]]) -> list[Row]:
    """Rows in time order at the timestamps that every column has.

    A value that no counter can have (NaN, infinite, negative) counts as absent; of several at one timestamp the
    largest is taken.
    """
    tables: list[dict[float, float]] = []
    for column in columns:
        table: dict[float, float] = {}
        for at, value in column:
            if math.isfinite(value) and value >= 0:
                table[at] = max(value, table.get(at, 0.0))
        tables.append(table)
    if not tables:
        return []
    common = set(tables[0]).intersection(*tables[1:])
    return [(at, tuple(table[at] for table in tables)) for at in sorted(common)]


def increments(
    rows: Sequence[Row], *, since: float, until: float, reach: float, restarts: Sequence[float] = ()
) -> list[Increment]:
    """Increments from scrape to scrape in the window (since, until].

    The base is the last row at or before `since` unless it is older than `reach` seconds, else the first row in the
    window. Windows that meet therefore add up, as long as the series is not silent for longer than `reach`. `restarts`
    are scrapes before which the process is known to have restarted, whether or not these counters fell.
    """
    before = [row for row in rows if since - reach <= row[0] <= since]
    inside = [row for row in rows if since < row[0] <= until]
    sequence = before[-1:] + inside
    return [
        Increment(start, end, new if _restarted(start, end, old, new, restarts) else _difference(old, new))
        for (start, old), (end, new) in pairwise(sequence)
    ]


def _restarted(
    start: float, end: float, old: tuple[float, ...], new: tuple[float, ...], restarts: Sequence[float]
) -> bool:
    fell = any(after < before for before, after in zip(old, new, strict=True))
    return fell or any(start < at <= end for at in restarts)


def _difference(old: tuple[float, ...], new: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(after - before for before, after in zip(old, new, strict=True))
