"""Bounds of quantiles: that they hold, that they are no wider than need be, and what clumps and gaps do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from tollgate.bench.spread import Spread, quantile_spread

BLOCKS = 20


def spread(latency: NDArray[np.float64], per_mille: int) -> Spread:
    return quantile_spread(latency, np.arange(len(latency)) * BLOCKS // len(latency), BLOCKS, per_mille)


def test_bounds_are_where_the_binomial_distribution_has_them() -> None:
    """Of shuffled ranks the bounds are ranks themselves: three standard errors leave 0.13 % on either side."""
    ranks = np.random.default_rng(5).permutation(np.arange(1.0, 10_001.0))
    found = spread(ranks, 990)
    exact = binom.ppf([0.00135, 1 - 0.00135], 10_000, 0.99)
    assert found.low == pytest.approx(exact[0], abs=10)
    assert found.high == pytest.approx(exact[1], abs=10)
    assert found.above.sum() == 100


def test_true_quantile_is_hardly_ever_outside() -> None:
    rng = np.random.default_rng(6)
    outside = 0
    for _ in range(2000):
        found = spread(rng.exponential(size=1200), 950)
        outside += not found.low <= math.log(20) <= found.high
    assert outside <= 2000 * 0.01


def test_clumps_widen_the_bounds() -> None:
    rng = np.random.default_rng(7)
    scattered = rng.exponential(size=2000)
    clumped = np.sort(scattered.reshape(20, 100), axis=0).ravel()  # as many slow ones, all in the last blocks
    apart, together = spread(scattered, 900), spread(clumped, 900)
    assert together.low < apart.low < apart.high < together.high


def test_bounds_reach_over_a_gap() -> None:
    """One in twenty is slow: whether the 95th percentile is, hangs on one request."""
    rng = np.random.default_rng(8)
    latency = np.where(rng.random(2000) < 0.05, 0.2, 0.01) + rng.normal(0, 1e-4, 2000)
    found = spread(latency, 950)
    assert found.low < 0.02
    assert found.high > 0.15


def test_too_few_requests_give_no_upper_bound() -> None:
    assert math.isinf(spread(np.random.default_rng(9).exponential(size=200), 999).high)
    assert spread(np.ones(100), 500).high == math.inf, "nothing is slower than the median"
