from __future__ import annotations

import pytest
from scipy.stats import binom

from tollgate.api.verdict import Verdict
from tollgate.decide.certificate import (
    judge_fixed,
    proportion_interval,
    quantile_ranks,
    requests_at_fraction,
)
from tollgate.decide.levels import Levels
from tollgate.measure.binomial import requests_needed

LEVELS = Levels(0.01, 0.01)


@pytest.mark.parametrize(
    ("p0", "needed"),
    [
        (0.1, {0: 44, 1: 64, 10: 197}),
        (0.05, {0: 90, 1: 130, 10: 398}),
        (0.01, {0: 459, 1: 662, 10: 2010}),
        (0.001, {0: 4603, 1: 6636, 10: 20140}),
    ],
)
def test_fewest_requests_that_certify(p0: float, needed: dict[int, int]) -> None:
    for slow, n in needed.items():
        assert requests_needed(p0, 0.01, slow) == n
        assert judge_fixed(n, slow, p0, LEVELS) is Verdict.WITHIN
        assert judge_fixed(n - 1, slow, p0, LEVELS) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("n", "slow", "p0"), [(1000, 19, 0.01), (400, 33, 0.05), (3, 2, 0.01)])
def test_breach_when_so_many_are_too_unlikely(n: int, slow: int, p0: float) -> None:
    assert binom.sf(slow - 1, n, p0) <= 0.01
    assert judge_fixed(n, slow, p0, LEVELS) is Verdict.BREACH
    least = next(s for s in range(n + 1) if binom.sf(s - 1, n, p0) <= 0.01)
    assert judge_fixed(n, least - 1, p0, LEVELS) is Verdict.INCONCLUSIVE


def test_no_requests_certify_nothing() -> None:
    assert judge_fixed(0, 0, 0.01, LEVELS) is Verdict.INCONCLUSIVE


def test_requests_needed_if_the_fraction_stays() -> None:
    assert requests_at_fraction(0.01, 0.01, 0.0) == 459
    needed = requests_at_fraction(0.01, 0.01, 0.005)
    assert needed is not None
    assert binom.cdf(round(0.005 * needed), needed, 0.01) <= 0.01
    assert requests_at_fraction(0.01, 0.01, 0.01) is None
    assert requests_at_fraction(0.01, 0.01, 0.0099999) is None


def test_strictest_limit_is_no_plan() -> None:
    assert requests_needed(1e-11, 0.01) is None


@pytest.mark.parametrize(("n", "k"), [(459, 0), (1000, 7), (50, 50), (1500, 45)])
def test_proportion_bounds_invert_the_binomial_tails(n: int, k: int) -> None:
    low, high = proportion_interval(n, k, 0.01)
    assert low <= k / n <= high
    if k > 0:
        assert binom.sf(k - 1, n, low) == pytest.approx(0.01)
    if k < n:
        assert binom.cdf(k, n, high) == pytest.approx(0.01)


def test_nothing_seen_bounds_nothing() -> None:
    assert proportion_interval(0, 0, 0.01) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("n", "ranks"), [(300, (293, 301)), (1000, (983, 997)), (5000, (4936, 4964)), (100, (97, 101))]
)
def test_ranks_around_p99(n: int, ranks: tuple[int, int]) -> None:
    assert quantile_ranks(n, 0.99, 0.025) == ranks


def test_p99_has_no_upper_bound_below_459_requests() -> None:
    assert quantile_ranks(458, 0.99, 0.01)[1] == 459
    assert quantile_ranks(459, 0.99, 0.01)[1] == 459
    assert quantile_ranks(0, 0.99, 0.01) == (0, 1)
