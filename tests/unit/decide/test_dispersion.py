from __future__ import annotations

import numpy as np
import pytest

from tollgate.decide.dispersion import clumping


def test_independent_requests_are_not_clumped() -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        blocks = [(float(slow), 100.0) for slow in rng.binomial(100, 0.01, size=40)]
        alarms += clumping(blocks) > 1
    assert alarms <= 6, "about one in a thousand, a little more as the counts are small"


def test_clumps_are_seen() -> None:
    blocks = [(20.0, 100.0) if i % 10 == 5 else (0.0, 100.0) for i in range(40)]
    assert clumping(blocks) == pytest.approx(20.9, rel=0.01)


def test_blocks_that_are_slow_as_a_whole_count_as_one_request_each() -> None:
    rng = np.random.default_rng(3)
    blocks = [(100.0 * bad, 100.0) for bad in rng.binomial(1, 0.2, size=2000)]
    assert clumping(blocks) == pytest.approx(100.0, rel=0.1)


def test_turning_bad_for_good_is_no_clump() -> None:
    assert clumping([(0.0, 100.0)] * 20 + [(30.0, 100.0)] * 20) < 2


@pytest.mark.parametrize(
    "blocks", [[], [(50.0, 100.0), (0.0, 100.0)], [(0.0, 100.0)] * 50, [(100.0, 100.0)] * 50]
)
def test_too_little_to_tell_is_not_clumped(blocks: list[tuple[float, float]]) -> None:
    assert clumping(blocks) == 1.0
