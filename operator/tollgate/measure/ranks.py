"""Which order statistics bound a quantile, when the number of values above it may be off. Pure.

A quantile lies between two order statistics as surely as the number of requests above it lies between two counts
(R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47, 1952).
"""

from __future__ import annotations

import math

DISTANCE = 3.0  # standard errors
PER_MILLE = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999}


def nearest(per_mille: int, number: int) -> int:
    """The nearest rank of a quantile among so many values, from 1."""
    return -(-per_mille * number // 1000)


def counts_around(above: int, variance: float) -> tuple[int | None, int | None]:
    """The most and the fewest values above a quantile, three standard errors off; None where that bounds nothing.

    The root of a count has nearly the same spread whatever the count is: half that of Poisson's, times the clumping.
    """
    if above == 0:
        return None, None
    root = math.sqrt(above)
    reach = DISTANCE / 2 * math.sqrt(variance / above)
    return math.ceil((root + reach) ** 2), int((root - reach) ** 2) if reach <= root else None
