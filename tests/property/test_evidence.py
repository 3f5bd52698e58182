"""What must hold of the tests for all counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import betainc, betaincc, expit

from tollgate.api.verdict import Verdict
from tollgate.decide.beta_tail import log_mills
from tollgate.decide.certificate import judge_fixed, proportion_interval, quantile_ranks
from tollgate.decide.evidence import (
    breach_until,
    judge_counts,
    log_breach,
    log_evidence,
    log_within,
    within_from,
)
from tollgate.decide.levels import Levels

limits = st.floats(1e-5, 0.9)
alphas = st.sampled_from([0.2, 0.05, 0.01, 0.001, 0.00001])
counts = st.integers(0, 200_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(counts, limits, alphas)
def test_evidence_is_a_fair_game_at_the_limit(count: tuple[int, int], p0: float, alpha: float) -> None:
    """E[M after one more request] = M if requests are slow with probability p0: Ville's inequality needs no more."""
    n, slow = count
    for log_m in (log_breach, log_within):
        now = log_m(n, slow, p0, alpha)
        if_slow, if_fast = log_m(n + 1, slow + 1, p0, alpha) - now, log_m(n + 1, slow, p0, alpha) - now
        expected = p0 * math.exp(if_slow) + (1 - p0) * math.exp(if_fast)
        assert math.isclose(expected, 1.0, rel_tol=1e-6)


@given(st.lists(st.tuples(counts, limits, alphas), min_size=1, max_size=20))
def test_many_at_once_are_what_each_is_alone(cases: list[tuple[tuple[int, int], float, float]]) -> None:
    n, slow, p0, alpha = np.array([(*count, p0, alpha) for count, p0, alpha in cases]).T
    together = log_evidence(n, slow, p0, alpha)
    alone = [(log_breach(*count, *limit), log_within(*count, *limit)) for count, *limit in cases]
    assert np.stack(together, axis=1) == pytest.approx(np.array(alone), rel=1e-12, abs=1e-12)


@given(st.integers(0, 10_000), limits, alphas)
def test_boundaries_are_where_the_evidence_speaks(slow: int, p0: float, alpha: float) -> None:
    need, last, first = (
        -math.log(alpha),
        int(breach_until(slow, p0, alpha)),
        int(within_from(slow, p0, alpha)),
    )
    assert last == -1 or log_breach(last, slow, p0, alpha) >= need
    assert log_breach(max(last + 1, slow), slow, p0, alpha) < need
    assert log_within(first, slow, p0, alpha) >= need
    assert first == slow or log_within(first - 1, slow, p0, alpha) < need


parameters = st.floats(1e-3, 1e9)


@given(parameters, parameters, st.floats(-25, 25))
def test_tails_of_beta_are_those_of_the_library_where_it_has_any(a: float, b: float, z: float) -> None:
    x = min(max(1e-6, expit(math.log(a / b) + z * math.sqrt(1 / a + 1 / b))), 1 - 1e-6)
    tails = betainc(a, b, x), betaincc(a, b, x)
    assume(min(tails) > 1e-200)
    (lower,), (upper,) = log_mills(*np.array([[a], [b], [x]]))
    assert lower - upper == pytest.approx(math.log(tails[0]) - math.log(tails[1]), rel=1e-9, abs=1e-9)


@given(parameters, parameters, st.integers(1, 2**20 - 1))
def test_tails_of_beta_change_places_in_the_mirror(a: float, b: float, x: int) -> None:
    part = x / 2**20  # so that 1 - part is exact
    lower, upper = log_mills(np.array([a, b]), np.array([b, a]), np.array([part, 1 - part]))
    assert (lower[0], upper[0]) == (upper[1], lower[1])


@given(counts, limits, alphas)
def test_one_more_slow_request_speaks_for_a_breach(count: tuple[int, int], p0: float, alpha: float) -> None:
    n, slow = count
    assume(slow < n)
    assert log_breach(n, slow + 1, p0, alpha) >= log_breach(n, slow, p0, alpha)
    assert log_within(n, slow + 1, p0, alpha) <= log_within(n, slow, p0, alpha)


@given(counts, st.integers(0, 200_000), limits, alphas)
def test_interval_never_says_what_an_exact_count_would_contradict(
    count: tuple[int, int], wider: int, p0: float, alpha: float
) -> None:
    n, low = count
    high = min(n, low + wider)
    levels = Levels(alpha, alpha)
    said = judge_counts(n, (low, high), p0, levels).verdict
    if said is not Verdict.INCONCLUSIVE:
        for exact in {low, (low + high) // 2, high}:
            assert judge_counts(n, (exact, exact), p0, levels).verdict is said


@given(counts, limits, alphas)
def test_certificate_and_interval_agree(count: tuple[int, int], p0: float, alpha: float) -> None:
    n, slow = count
    low, high = proportion_interval(n, slow, alpha)
    assume(not math.isclose(low, p0, rel_tol=1e-9) and not math.isclose(high, p0, rel_tol=1e-9))
    verdict = judge_fixed(n, slow, p0, Levels(alpha, alpha))
    assert (verdict is Verdict.BREACH) == (low > p0)
    assert (verdict is Verdict.WITHIN) == (high < p0 and n > 0)


@given(st.integers(1, 100_000), st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]), alphas)
def test_ranks_enclose_the_nearest_rank(n: int, q: float, alpha: float) -> None:
    low, high = quantile_ranks(n, q, alpha)
    assert 0 <= low <= math.ceil(q * n) <= high <= n + 1
