"""Scrapes of one process to increments, exactly: resets handled, late and lost scrapes caught up, nothing extrapolated.

What is counted is a number or a histogram; this module must not know which, nor what it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

V = TypeVar("V")
Row = tuple[float, V]
"""Unix time in seconds of a scrape, and what it found."""

Grown = Callable[[V, V], V | None]
"""What an older value grew by to become a newer one; None when it cannot have, so that the process restarted."""

STALE_SCRAPES = 5
"""A series without a sample for so many scrape intervals is stale."""


@dataclass(frozen=True)
class Increment(Generic[V]):
    """What was counted between two scrapes, after `start` and up to `end` (Unix seconds)."""

    start: float
    end: float
    value: V


def counter_grown(old: float, new: float) -> float | None:
    """See `Grown`."""
    return new - old if new >= old else None


def increments(
    rows: Sequence[Row[V]],
    grown: Grown[V],
    *,
    span: tuple[float, float],
    reach: float,
    restarts: Iterable[float] = (),
) -> list[Increment[V]]:
    """Increments from scrape to scrape after the beginning of `span` and up to its end (Unix seconds).

    The base is the last row at or before the beginning unless it is older by `reach` seconds, else the first row in
    the span. Spans that meet therefore add up, as long as the series is not silent for longer than `reach`. After a
    restart everything is new; `restarts` are scrapes that found one though this value need not show it.
    """
    since, until = span
    before = [row for row in rows if since - reach <= row[0] <= since]
    inside = [row for row in rows if since < row[0] <= until]
    known = tuple(restarts)
    found = []
    for (start, old), (end, new) in pairwise(before[-1:] + inside):
        more = None if any(start < at <= end for at in known) else grown(old, new)
        found.append(Increment(start, end, new if more is None else more))
    return found


def resets(rows: Sequence[Row[V]], grown: Grown[V]) -> list[float]:
    """The scrapes that found the process restarted."""
    return [end for (_, old), (end, new) in pairwise(rows) if grown(old, new) is None]
