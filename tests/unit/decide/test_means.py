from __future__ import annotations

import math

import pytest

from tollgate.decide.means import MIN_FIXED_BLOCKS, MIN_LIVE_BLOCKS, Pair, fixed_interval, sequence_interval


def steady(mean: float, blocks: int, wobble: float = 0.1) -> list[Pair]:
    return [(100 * mean * (1 + (wobble if i % 2 else -wobble)), 100.0) for i in range(blocks)]


def test_ratio_of_totals_and_not_mean_of_ratios() -> None:
    blocks = [(10.0, 100.0), (90.0, 300.0)] * 5
    interval = fixed_interval(blocks, alpha_low=0.05, alpha_high=0.05)
    assert interval is not None
    assert interval.value == pytest.approx(0.25)
    assert interval.blocks == 10


def test_equal_blocks_give_students_interval() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    interval = fixed_interval([(v, 1.0) for v in values], alpha_low=0.025, alpha_high=0.05)
    assert interval is not None
    error = math.sqrt(2.5 / 5)
    assert interval.low == pytest.approx(3 - 2.776445 * error)
    assert interval.high == pytest.approx(3 + 2.131847 * error)


def test_few_blocks_say_nothing() -> None:
    assert fixed_interval(steady(0.1, MIN_FIXED_BLOCKS - 1), alpha_low=0.01, alpha_high=0.01) is None
    assert sequence_interval(steady(0.1, MIN_LIVE_BLOCKS - 1), alpha_low=0.01, alpha_high=0.01) is None


def test_empty_blocks_do_not_count() -> None:
    blocks = [*steady(0.1, MIN_LIVE_BLOCKS - 1), (0.0, 0.0)]
    assert sequence_interval(blocks, alpha_low=0.01, alpha_high=0.01) is None


def test_sequence_is_wider_than_a_single_look_and_narrows() -> None:
    widths = []
    for k in (10, 100, 1000):
        once = fixed_interval(steady(0.1, k), alpha_low=0.01, alpha_high=0.01)
        always = sequence_interval(steady(0.1, k), alpha_low=0.01, alpha_high=0.01)
        assert once is not None
        assert always is not None
        assert always.low < once.low < once.value < once.high < always.high
        widths.append(always.high - always.low)
    assert widths == sorted(widths, reverse=True)


def test_levels_widen_their_own_end() -> None:
    interval = sequence_interval(steady(0.1, 50), alpha_low=0.001, alpha_high=0.05)
    assert interval is not None
    assert interval.value - interval.low > interval.high - interval.value > 0
