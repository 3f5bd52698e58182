"""Live means: how often an interval that is looked at after every block is ever wrong, and where it is too often."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulation.chance import at_most
from tests.simulation.means import correlated, sequence_intervals, skewed
from tollgate.decide.means import MIN_LIVE_BLOCKS, sequence_interval

LEVELS = pytest.mark.parametrize("alpha", [0.05, 0.01])


def test_intervals_are_those_of_the_product() -> None:
    seen = skewed(1.0, runs=2_000, blocks=200)
    found = sequence_intervals(seen, 0.01)
    rng = np.random.default_rng(22)
    for run, blocks in zip(rng.integers(0, 2_000, 50), rng.integers(MIN_LIVE_BLOCKS, 200, 50), strict=True):
        pairs = list(zip(seen.sums[run, :blocks], seen.requests[run, :blocks], strict=True))
        said = sequence_interval(pairs, alpha_low=0.01, alpha_high=0.01)
        assert said is not None
        look = blocks - MIN_LIVE_BLOCKS
        assert (said.low, said.high) == pytest.approx((found.low[run, look], found.high[run, look]))


@pytest.mark.parametrize("sigma", [0.5, 1.0])
@LEVELS
def test_bounds_hold_however_often_one_looks_at_skewed_latencies(sigma: float, alpha: float) -> None:
    found = sequence_intervals(skewed(sigma, runs=2_000, blocks=200), alpha)
    assert at_most(alpha, found.ever_above(1.0))
    assert at_most(alpha, found.ever_below(1.0))


def test_very_skewed_latencies_need_larger_blocks() -> None:
    """One in a hundred over 11 times the mean: blocks of 100 seldom hold what makes the mean, and look too good."""
    small = sequence_intervals(skewed(1.5, runs=2_000, blocks=200), 0.01)
    assert at_most(0.01, small.ever_above(1.0))
    assert not at_most(0.01, small.ever_below(1.0))
    large = sequence_intervals(skewed(1.5, runs=500, blocks=200, per_block=1_000), 0.01)
    assert at_most(0.01, large.ever_above(1.0))
    assert at_most(0.01, large.ever_below(1.0))


@LEVELS
def test_bounds_hold_where_the_load_swings_independently_from_block_to_block(alpha: float) -> None:
    found = sequence_intervals(correlated(0.0, runs=2_000, blocks=200), alpha)
    assert at_most(alpha, found.ever_above(1.0))
    assert at_most(alpha, found.ever_below(1.0))
