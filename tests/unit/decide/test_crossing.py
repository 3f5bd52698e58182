from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollgate.decide.crossing import (
    requests_for_within,
    requests_until_breach,
    requests_until_within,
    slow_for_breach,
)
from tollgate.decide.evidence import log_evidence, log_within, requests_to_detect, severe_fraction

HALF_AND_MOST = (0.5, 0.95)


def request_by_request(p0: float, alpha: float, rate: float, chance: float, *, breach: bool) -> int:
    """The same number the long way: the law of the slow requests after each single request."""
    undecided = np.ones(1)
    for n in range(1, 100_000):
        undecided = np.convolve(undecided, (1 - rate, rate))
        evidence = log_evidence(n, np.arange(n + 1), p0, alpha)
        undecided[(evidence.breach if breach else evidence.within) >= -math.log(alpha)] = 0.0
        if 1 - undecided.sum() >= chance:
            return n
    raise AssertionError("no verdict")


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("chance", HALF_AND_MOST)
@pytest.mark.parametrize("p0", [0.05, 0.3])
def test_it_is_the_law_of_the_first_crossing(p0: float, alpha: float, chance: float) -> None:
    for rate in (3 * p0, 2 * p0):
        expected = request_by_request(p0, alpha, rate, chance, breach=True)
        assert requests_until_breach(p0, alpha, rate, (chance,)) == (expected,)
    for rate in (p0 / 5, p0 / 2):
        expected = request_by_request(p0, alpha, rate, chance, breach=False)
        assert requests_until_within(p0, alpha, rate, (chance,)) == (expected,)


@pytest.mark.parametrize(
    ("rate", "alpha", "low", "high"),
    [
        (0.10, 0.05, 55, 60),
        (0.03, 0.05, 340, 360),
        (0.02, 0.05, 760, 820),
        (0.10, 0.01, 68, 68),
        (0.03, 0.01, 400, 400),
        (0.02, 0.01, 1300, 1300),
        (0.005, 0.05, 1700, 2000),
        (0.002, 0.05, 750, 750),
        (0.005, 0.01, 3000, 3000),
        (0.002, 0.01, 1100, 1100),
    ],
)
def test_medians_of_the_specification_within_a_tenth(rate: float, alpha: float, low: int, high: int) -> None:
    until = requests_until_breach if rate > 0.01 else requests_until_within
    found = until(0.01, alpha, rate, (0.5,))
    assert found is not None
    assert 0.9 * low <= found[0] <= 1.1 * high


def test_clean_traffic_needs_the_numbers_of_the_specification() -> None:
    for p0, alpha, clean in [(0.01, 0.05, 569), (0.01, 0.01, 708), (0.05, 0.05, 112), (0.001, 0.01, 7116)]:
        assert requests_until_within(p0, alpha, 0.0, HALF_AND_MOST) == (clean, clean)
        assert requests_for_within(0, p0, alpha) == clean


def test_slow_requests_of_a_breach_are_those_of_the_specification() -> None:
    found = [slow_for_breach(n, 0.01, 0.05) for n in (100, 300, 1000, 3000, 10000)]
    assert found == [7, 10, 21, 47, 131]
    assert slow_for_breach(5, 0.01, 0.05) == 5
    assert slow_for_breach(4, 0.01, 0.05) is None
    assert slow_for_breach(0, 0.01, 0.05) is None


def test_what_is_no_breach_and_what_is_not_within_never_come() -> None:
    assert requests_until_breach(0.01, 0.05, 0.01, (0.5,)) is None
    assert requests_until_within(0.01, 0.05, 0.01, (0.5,)) is None
    assert requests_until_breach(0.01, 0.05, 0.0101, (0.5,)) is None, "too close to the limit for a plan"


@settings(max_examples=25, deadline=None)
@given(
    p0=st.floats(1e-6, 0.9),
    alpha=st.floats(1e-4, 0.1),
    severity=st.floats(2, 10),
)
def test_the_gates_bound_is_one(p0: float, alpha: float, severity: float) -> None:
    """The gate waits for a number at which the fixed count shows it; the first crossing comes no later."""
    found = requests_until_breach(p0, alpha, severe_fraction(p0, severity), HALF_AND_MOST)
    assert found is not None
    assert found[0] <= found[1] <= requests_to_detect(p0, alpha, severity)


@settings(max_examples=25, deadline=None)
@given(slow=st.integers(0, 500), p0=st.floats(1e-6, 0.5), alpha=st.floats(1e-4, 0.1))
def test_the_fewest_requests_are_the_fewest(slow: int, p0: float, alpha: float) -> None:
    n = requests_for_within(slow, p0, alpha)
    need = -math.log(alpha)
    assert log_within(n, slow, p0, alpha) >= need
    assert n - 1 == slow or log_within(n - 1, slow, p0, alpha) < need
    assert requests_for_within(slow, p0, alpha, above=n + 10) == n + 11
