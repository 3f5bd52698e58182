"""How many requests a service gets, as roughly as a plan needs it, and steadily enough to be written down."""

from __future__ import annotations

import math

from tollgate.api.evidence import CountedOf
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.counts import Block, LiveCounts

_ENOUGH_REQUESTS, _ENOUGH_BLOCKS = 20, 20
"""With so many requests, or after so many scrape intervals, the rate is known well enough."""

_DIFFERENT = 1.5
"""A load that changed by less is the same."""

_LEAST = 1e-6
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)


def rate_per_pod(live: LiveCounts) -> float | None:
    """Requests per second and pod; None while too little was seen. The last scrape interval may be incomplete."""
    if live.counted_of is not CountedOf.PODS:
        return None
    complete = [block for _, block in sorted(live.blocks.items())][:-1]
    total = sum(complete, Block())
    enough = total.requests >= _ENOUGH_REQUESTS or len(complete) >= _ENOUGH_BLOCKS
    if len(complete) < STALE_SCRAPES or not enough or total.pod_seconds <= 0:
        return None
    return total.requests / total.pod_seconds


def whole_rate(live: LiveCounts) -> float | None:
    """Requests per second to everything that was counted; None while too few scrape intervals were seen."""
    complete = [block for _, block in sorted(live.blocks.items())][:-1]
    if len(complete) < STALE_SCRAPES:
        return None
    return sum(block.requests for block in complete) / (len(complete) * live.block_seconds)


def steady(before: float | None, seen: float | None) -> float | None:
    """The rate to go by: the one from before, until what is seen is clearly another."""
    if seen is None:
        return before
    if before and before / _DIFFERENT <= seen <= before * _DIFFERENT:
        return before
    return coarse(seen)


def coarse(rate: float) -> float:
    """A rate to the nearest of 1, 1.5, 2, 3, 5, 7 and so on."""
    if rate < _LEAST:
        return 0.0
    size = 10.0 ** math.floor(math.log10(rate))
    return size * min(_STEPS, key=lambda step: abs(math.log(step * size / rate)))
