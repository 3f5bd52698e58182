from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betainc, betaincc, betaln
from scipy.stats import binom

from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.evidence import (
    judge_counts,
    log_breach,
    log_evidence,
    log_within,
    prior,
    requests_to_detect,
    severe_fraction,
)
from tollgate.decide.levels import Levels

FIVE_PERCENT = Levels(0.05, 0.05)


def verdict(n: int, slow: int, p0: float = 0.01, levels: Levels = FIVE_PERCENT) -> Verdict:
    return judge_counts(n, (slow, slow), p0, levels).verdict


@pytest.mark.parametrize(
    ("p0", "alpha", "within", "breach"),
    [
        (0.01, 0.05, 569, 5),
        (0.01, 0.01, 708, 6),
        (0.05, 0.05, 112, 6),
        (0.05, 0.01, 139, 6),
        (0.001, 0.05, 5711, 5),
        (0.001, 0.01, 7116, 6),
    ],
)
def test_fewest_requests_that_speak(p0: float, alpha: float, within: int, breach: int) -> None:
    levels = Levels(alpha, alpha)
    assert verdict(within, 0, p0, levels) is Verdict.WITHIN
    assert verdict(within - 1, 0, p0, levels) is Verdict.INCONCLUSIVE
    assert verdict(breach, breach, p0, levels) is Verdict.BREACH
    assert verdict(breach - 1, breach - 1, p0, levels) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("n", "slow"), [(100, 7), (300, 10), (1000, 21), (3000, 47), (10000, 131)])
def test_boundary_of_a_breach(n: int, slow: int) -> None:
    assert verdict(n, slow) is Verdict.BREACH
    assert verdict(n, slow - 1) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("n", "slow"), [(1000, 2), (3000, 16), (10000, 72)])
def test_boundary_of_within(n: int, slow: int) -> None:
    assert verdict(n, slow) is Verdict.WITHIN
    assert verdict(n, slow + 1) is Verdict.INCONCLUSIVE


def test_prior_of_p99() -> None:
    a, b = prior(0.01, 0.05)
    assert (float(a), float(b)) == pytest.approx((3.150, 311.86), rel=1e-4)


@pytest.mark.parametrize(("n", "slow"), [(0, 0), (50, 3), (1000, 10), (5000, 20), (20000, 260)])
def test_evidence_is_the_mixture_as_published(n: int, slow: int) -> None:
    p0, alpha = 0.01, 0.05
    a, b = prior(p0, alpha)
    x, y = a + slow, b + n - slow
    common = betaln(x, y) - betaln(a, b) - slow * math.log(p0) - (n - slow) * math.log1p(-p0)
    breach = common + math.log(betaincc(x, y, p0)) - math.log(betaincc(a, b, p0))
    within = common + math.log(betainc(x, y, p0)) - math.log(betainc(a, b, p0))
    assert log_breach(n, slow, p0, alpha) == pytest.approx(breach, abs=1e-9)
    assert log_within(n, slow, p0, alpha) == pytest.approx(within, abs=1e-9)


@pytest.mark.parametrize("n", [1, 10**6, 10**12])
def test_evidence_is_finite_and_on_one_side_at_the_extremes(n: int) -> None:
    p0 = np.array([[1e-6], [0.01], [0.5], [0.999]])
    slow = np.concatenate([np.zeros_like(p0), np.round(p0 * n), np.full_like(p0, n)], axis=1)
    both = np.stack(log_evidence(n, slow, p0, 0.01))
    assert both.shape == (2, 4, 3)
    assert np.isfinite(both).all()
    assert (both.min(axis=0) < math.log(100)).all(), "never both"


def test_nothing_is_no_evidence() -> None:
    assert log_breach(0, 0, 0.01, 0.05) == 0.0
    assert log_within(0, 0, 0.01, 0.05) == 0.0
    assert judge_counts(0, (0, 0), 0.01, FIVE_PERCENT).reason is Reason.TOO_FEW_REQUESTS


@pytest.mark.parametrize(("n", "slow", "p0"), [(5, 6, 0.01), (5, -1, 0.01), (5, 1, 0.0), (5, 1, 1.0)])
def test_impossible_counts_and_limits_are_refused(n: int, slow: int, p0: float) -> None:
    with pytest.raises(ValueError, match=r"not a count|can not be judged"):
        log_breach(n, slow, p0, 0.05)


def test_one_impossible_count_among_many_is_named() -> None:
    with pytest.raises(ValueError, match=r"^6 slow of 5 requests is not a count$"):
        log_evidence([5, 5, 5], [4, 6, 5], 0.01, 0.05)
    with pytest.raises(ValueError, match="nan slow of 5 requests is not a count"):
        log_evidence(5, math.nan, 0.01, 0.05)


@pytest.mark.parametrize("alpha", [0.0, 0.5, math.nan])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="a level must be between 0 and"):
        log_breach(5, 5, 0.01, alpha)


class TestBucketInterval:
    def test_breach_needs_the_lower_count(self) -> None:
        assert judge_counts(1000, (21, 500), 0.01, FIVE_PERCENT).verdict is Verdict.BREACH

    def test_within_needs_the_upper_count(self) -> None:
        assert judge_counts(1000, (0, 2), 0.01, FIVE_PERCENT).verdict is Verdict.WITHIN

    @pytest.mark.parametrize("slow", [(0, 20), (2, 3), (5, 21), (0, 1000)])
    def test_resolution_is_missing_where_some_exact_count_would_speak(self, slow: tuple[int, int]) -> None:
        said = judge_counts(1000, slow, 0.01, FIVE_PERCENT)
        assert (said.verdict, said.reason) == (Verdict.INCONCLUSIVE, Reason.BUCKET_RESOLUTION)

    def test_requests_are_missing_where_no_exact_count_would_speak(self) -> None:
        assert judge_counts(1000, (5, 18), 0.01, FIVE_PERCENT).reason is Reason.TOO_FEW_REQUESTS


def test_levels_differ_by_side() -> None:
    strict = Levels(breach=1e-6, within=0.05)
    assert verdict(1000, 21, levels=strict) is Verdict.INCONCLUSIVE
    assert verdict(1000, 2, levels=strict) is Verdict.WITHIN


@pytest.mark.parametrize(("p0", "alpha"), [(0.01, 0.01), (0.05, 0.05), (0.5, 0.01), (0.001, 0.05)])
def test_severe_regression_would_have_been_caught(p0: float, alpha: float) -> None:
    n = requests_to_detect(p0, alpha)
    for requests, caught in ((n, True), (n - 1, False)):
        evidence = log_evidence(requests, np.arange(requests + 1), p0, alpha)
        least = int(np.argmax(evidence.breach >= -math.log(alpha)))
        assert bool(binom.sf(least - 1, requests, severe_fraction(p0)) >= 0.95) is caught
    assert requests_to_detect(p0, alpha, severity=1.4) > n


def test_severe_fraction_stays_below_one() -> None:
    assert severe_fraction(0.01) == pytest.approx(0.03)
    assert severe_fraction(0.5) == pytest.approx(0.75)
