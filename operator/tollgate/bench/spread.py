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

from tollgate.measure import ranks
from tollgate.measure.ranks import counts_around

PER_MILLE = tuple(ranks.PER_MILLE.values())


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
    above = counts_above(latency, block_of, blocks, per_mille)
    low, high = rank_bounds(np.sort(latency), int(above.sum()), blocks * float(above.var(ddof=1)))
    return Spread(low, high, above)


def counts_above(
    latency: NDArray[np.float64], block_of: NDArray[np.int64], blocks: int, per_mille: int
) -> NDArray[np.int64]:
    """How many latencies of each block are above the nearest-rank quantile of all."""
    n = len(latency)
    value = np.sort(latency)[-(-per_mille * n // 1000) - 1]
    return np.bincount(block_of[latency > value], minlength=blocks)


def rank_bounds(ordered: NDArray[np.float64], above: int, variance: float) -> tuple[float, float]:
    """The latencies to which a quantile moves when the number above it is three standard errors off, either way."""
    most, fewest = counts_around(above, variance)
    n = len(ordered)
    low = float(ordered[n - 1 - most]) if most is not None and most < n else 0.0
    return low, float(ordered[n - 1 - fewest]) if fewest is not None else math.inf
