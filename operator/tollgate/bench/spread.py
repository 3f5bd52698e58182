"""How far quantiles may be off: the order statistics three standard errors on either side of each. Pure.

A quantile lies between two order statistics as surely as the number of requests above it lies between two counts
(R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47, 1952). That number varies from
block of time to block of time: slow requests come together, and its spread is taken from the blocks. A bootstrap of the
quantile itself errs twice as often as it should where latencies have a gap, as they do in a model with an early exit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PER_MILLE = (500, 900, 950, 990, 999)
_DISTANCE = 3.0  # standard errors


@dataclass(frozen=True)
class Spread:
    """A quantile's bounds in seconds (`high` is infinite where the data give none), and the requests above it."""

    low: float
    high: float
    above: NDArray[np.int64]  # in each block


def quantile_spread(
    latency: NDArray[np.float64], block_of: NDArray[np.int64], blocks: int, per_mille: int
) -> Spread:
    """The spread of a nearest-rank quantile of latencies that came in so many (two or more) blocks."""
    ordered = np.sort(latency)
    n = len(ordered)
    value = ordered[-(-per_mille * n // 1000) - 1]
    above = np.bincount(block_of[latency > value], minlength=blocks)
    count = int(above.sum())
    if count == 0:
        return Spread(0.0, math.inf, above)
    # The root of a count has nearly the same spread whatever the count is: half that of Poisson's, times the clumping.
    root = math.sqrt(count)
    reach = _DISTANCE / 2 * math.sqrt(blocks * float(above.var(ddof=1)) / count)
    most = math.ceil((root + reach) ** 2)
    low = float(ordered[n - 1 - most]) if most < n else 0.0
    high = float(ordered[n - 1 - int((root - reach) ** 2)]) if reach <= root else math.inf
    return Spread(low, high, above)
