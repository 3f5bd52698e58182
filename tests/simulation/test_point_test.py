"""The point test that peers apply at each tick, beside ours, on the same traffic of a healthy release (0.5 % slow)."""

from __future__ import annotations

import pytest

from tests.simulation import exact
from tests.simulation.chance import agree, at_most
from tests.simulation.rules import boundary, point_test_fails
from tests.simulation.traffic import poisson, steady

P0, HEALTHY, LOOKS = 0.01, 0.005, 10


@pytest.mark.parametrize(("window", "aborted"), [(20, 0.63), (60, 0.95), (100, 0.61), (1000, 0.13)])
def test_healthy_releases_aborted_in_ten_looks(window: int, aborted: float) -> None:
    seen = steady(HEALTHY, per_scrape=window, runs=10_000, looks=LOOKS, seed=7)
    requests, slow = seen.between()
    theirs = point_test_fails(requests, slow, P0).any(axis=1)
    assert theirs.mean() == pytest.approx(aborted, abs=0.02)
    assert agree(exact.point_test_aborts(exact.point_test_window(HEALTHY, P0, window), LOOKS, 0), theirs)
    for alpha in (0.05, 0.01):
        rule = boundary(P0, alpha, LOOKS * window)
        ours = rule.is_breach(seen.requests, seen.slow).any(axis=1)
        looks = seen.requests[0]
        chance = exact.walk(HEALTHY, looks, rule.least_breach(looks), None).breach[-1]
        assert chance <= alpha / 5, "the promise is for a release at its limit: a healthy one fares better"
        assert agree(chance, ours)


@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 100.0, 1000.0])
def test_requests_that_come_by_chance(rate: float) -> None:
    """Windows of a minute, ten of them; ours looks every 15 s."""
    seen = poisson(HEALTHY, per_scrape=15 * rate, runs=4_000, looks=4 * LOOKS, seed=8)
    theirs = point_test_fails(*seen.between(4), P0)
    failing = exact.point_test_window_by_chance(HEALTHY, P0, 60 * rate)
    for tolerated in (0, 3):
        expected = exact.point_test_aborts(failing, LOOKS, tolerated)
        assert agree(expected, theirs.sum(axis=1) > tolerated)
    rule = boundary(P0, 0.01, int(seen.requests.max()))
    assert at_most(0.01, rule.is_breach(seen.requests, seen.slow).any(axis=1))
