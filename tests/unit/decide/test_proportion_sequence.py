from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.api.verdict import Verdict
from tollgate.decide.evidence import judge_counts, log_breach, log_within
from tollgate.decide.levels import Levels
from tollgate.decide.proportion_sequence import proportion_sequence

LEVELS = Levels(0.01, 0.05)


def ends(n: int, slow: int, levels: Levels = LEVELS) -> tuple[float, float]:
    low, high = proportion_sequence(n, slow, slow, levels)
    return float(low), float(high)


@pytest.mark.parametrize(
    ("n", "slow"),
    [(100, 7), (1000, 10), (10**6, 10**6 - 20), (10**12, 10**6), (1, 0), (100, 0), (6, 6), (100, 100)],
)
def test_ends_are_where_the_evidence_speaks(n: int, slow: int) -> None:
    low, high = ends(n, slow)
    assert (low > 0, high < 1) == (slow > 0, slow < n)
    assert low <= slow / n <= high
    for side, end, alpha in ((log_breach, low, LEVELS.breach), (log_within, high, LEVELS.within)):
        if 0 < end < 1:
            odds = end / (1 - end)
            around = [side(n, slow, factor * odds / (1 + factor * odds), alpha) for factor in (0.999, 1.001)]
            assert min(around) < -np.log(alpha) < max(around)


def test_little_says_nothing() -> None:
    assert ends(1, 1) == (0.0, 1.0)
    assert ends(5, 5)[0] == 0.0
    assert ends(1, 0)[1] > 0.9


def test_what_the_histogram_hides_widens_it() -> None:
    low, high = proportion_sequence(1000, 10, 30, LEVELS)
    assert (low, high) == (ends(1000, 10)[0], ends(1000, 30)[1])


@settings(max_examples=50)
@given(
    st.integers(1, 200_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.floats(1e-5, 0.9),
    st.sampled_from([0.05, 0.01, 0.0001]),
)
def test_interval_and_verdict_say_the_same(count: tuple[int, int], p0: float, alpha: float) -> None:
    levels = Levels(alpha, alpha)
    low, high = ends(*count, levels)
    verdict = judge_counts(count[0], (count[1], count[1]), p0, levels).verdict
    if low > p0:
        assert verdict is Verdict.BREACH
    if high < p0:
        assert verdict is Verdict.WITHIN
    if verdict is Verdict.BREACH:
        assert low > 0.999 * p0
    if verdict is Verdict.WITHIN:
        assert 1 - high > 0.999 * (1 - p0)


def test_hardly_ever_excludes_the_true_fraction_however_often_one_looks() -> None:
    """200 runs, 15 looks at ever more requests; each end at a level of its own."""
    rng, true = np.random.default_rng(31), 0.02
    looks = np.unique(np.geomspace(5, 50_000, 15).astype(int))
    slow = rng.binomial(np.diff(looks, prepend=0), true, size=(200, len(looks))).cumsum(axis=1)
    low, high = proportion_sequence(looks, slow, slow, Levels(0.1, 0.2))
    assert 0 < (low > true).any(axis=1).mean() <= 0.1
    assert 0 < (high < true).any(axis=1).mean() <= 0.2
