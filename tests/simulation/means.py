"""Simulated blocks of latencies, and the intervals of thousands of runs at once, looked at after every block.

`decide.means.sequence_interval` is asked once per number of blocks how wide it is in standard deviations of a block;
ratios and deviations are then cumulative sums. `test_means` compares the result with the product's at random looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tollgate.decide.means import MIN_LIVE_BLOCKS, REQUESTS_PER_BLOCK, sequence_interval

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """Sums of a mean that is 1 in truth, and requests, of each block; (runs, blocks) each."""

    sums: Values
    requests: Values


@cache
def skewed(sigma: float, *, runs: int, blocks: int, per_block: int = REQUESTS_PER_BLOCK) -> Blocks:
    """Independent lognormal latencies; with sigma 1 one in a hundred is over 6 times the mean."""
    rng = np.random.default_rng(20)
    batches = [
        rng.lognormal(-(sigma**2) / 2, sigma, size=(min(100, runs - i), blocks, per_block)).sum(axis=2)
        for i in range(0, runs, 100)
    ]
    sums = np.concatenate(batches)
    return Blocks(sums, np.full_like(sums, per_block))


def correlated(rho: float, *, runs: int, blocks: int) -> Blocks:
    """Blocks whose means swing by 10 % with the load, each correlated by `rho` with the one before."""
    rng = np.random.default_rng(21)
    settle = 100
    steps = rng.normal(scale=math.sqrt(1 - rho**2), size=(runs, blocks + settle))
    load = lfilter([1.0], [1.0, -rho], steps, axis=1)[:, settle:]
    requests = np.full((runs, blocks), float(REQUESTS_PER_BLOCK))
    return Blocks(requests * (1 + 0.1 * load), requests)


@dataclass(frozen=True)
class Intervals:
    """Bounds of each run after each block from the `MIN_LIVE_BLOCKS`th on, (runs, looks) each."""

    low: Values
    high: Values

    def ever_above(self, truth: float) -> NDArray[np.bool_]:
        """Where the mean was ever said to be more than it is: a wrong Breach of a limit at the truth."""
        return (self.low > truth).any(axis=1)

    def ever_below(self, truth: float) -> NDArray[np.bool_]:
        """Where the mean was ever said to be less than it is: a wrong Within of a limit at the truth."""
        return (self.high < truth).any(axis=1)


def sequence_intervals(seen: Blocks, alpha: float) -> Intervals:
    """What an operator that looks after each block would see."""
    x, n = seen.sums, seen.requests
    k = np.arange(1, x.shape[1] + 1)
    total = n.cumsum(axis=1)
    ratio = x.cumsum(axis=1) / total
    squares = (x**2).cumsum(axis=1) - 2 * ratio * (x * n).cumsum(axis=1) + ratio**2 * (n**2).cumsum(axis=1)
    spread = np.sqrt(np.maximum(squares, 0) / np.maximum(k - 1, 1)) / (total / k)
    looks = slice(MIN_LIVE_BLOCKS - 1, None)
    reach = spread[:, looks] * np.array([_width(int(blocks), alpha) for blocks in k[looks]])
    return Intervals(ratio[:, looks] - reach, ratio[:, looks] + reach)


@cache
def _width(blocks: int, alpha: float) -> float:
    """Half the width after so many blocks, in standard deviations of a block."""
    pairs = [(1.0 + (-1) ** i, 1.0) for i in range(blocks)]
    found = sequence_interval(pairs, alpha_low=alpha, alpha_high=alpha)
    assert found is not None
    return (found.high - found.value) / float(np.std([numerator for numerator, _ in pairs], ddof=1))
