"""Live verdicts on counts: how often they are ever wrong, and how soon they come (docs/statistics.md has both)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from tests.simulation import exact
from tests.simulation.chance import agree, at_least, at_most
from tests.simulation.rules import NEVER, boundary
from tests.simulation.traffic import first_breach, first_look, first_within, poisson, slow_arrivals
from tollgate.decide.crossing import requests_until_breach, requests_until_within
from tollgate.decide.evidence import requests_to_detect, severe_fraction

LIMITS = pytest.mark.parametrize("p0", [0.05, 0.01, 0.001])
LEVELS = pytest.mark.parametrize("alpha", [0.05, 0.01])


@LIMITS
@LEVELS
def test_hardly_ever_wrong_at_the_limit_however_often_one_looks(p0: float, alpha: float) -> None:
    """After every one of 400/p0 requests (40,000 for p99), in 10,000 releases that are exactly at the limit."""
    requests = int(400 / p0)
    rule, arrivals = boundary(p0, alpha, requests), slow_arrivals(p0, runs=10_000, requests=requests, seed=1)
    assert at_most(alpha, first_breach(arrivals, rule, requests) < NEVER)
    assert at_most(alpha, first_within(arrivals, rule, requests) < NEVER)


@LIMITS
@LEVELS
def test_the_same_without_dice(p0: float, alpha: float) -> None:
    """Exactly, so that no chance can hide an error; and the simulation agrees."""
    requests = int(200 / p0)
    rule = boundary(p0, alpha, requests)
    breach = exact.after_every_request(p0, rule, requests, "breach").breach[-1]
    within = exact.after_every_request(p0, rule, requests, "within").within[-1]
    assert alpha / 2 < breach <= alpha, "neither wrong too often nor needlessly slow to speak"
    assert alpha / 2 < within <= alpha, "neither wrong too often nor needlessly slow to speak"
    arrivals = slow_arrivals(p0, runs=10_000, requests=requests, seed=2)
    assert agree(breach, first_breach(arrivals, rule, requests) < NEVER)
    assert agree(within, first_within(arrivals, rule, requests) < NEVER)


@pytest.mark.parametrize("per_scrape", [0.5, 5.0, 100.0])
@LEVELS
def test_scrapes_of_requests_that_come_by_chance(per_scrape: float, alpha: float) -> None:
    """2,500 scrapes of p99, at a fraction of a request a scrape up to 250,000 requests in all."""
    looks = 2_500
    seen = poisson(0.01, per_scrape=per_scrape, runs=4_000, looks=looks, seed=3)
    rule = boundary(0.01, alpha, int(seen.requests.max()))
    assert at_most(alpha, rule.is_breach(seen.requests, seen.slow).any(axis=1))
    assert at_most(alpha, rule.is_within(seen.requests, seen.slow).any(axis=1))


def test_a_test_made_for_one_look_does_not_survive_many() -> None:
    """What the tests above would say of the benchmark's certificate, were it asked after every scrape of 10."""
    looks = np.arange(10, 20_001, 10)
    wrong = exact.walk(0.01, looks, binom.isf(0.05, looks, 0.01).astype(int) + 1, None).breach
    assert wrong[0] <= 0.05
    assert wrong[-1] > 0.25


def test_at_the_limit_over_90_percent_stay_undecided() -> None:
    spoken = exact.after_every_request(0.01, boundary(0.01, 0.05, 20_000), 20_000)
    assert spoken.breach[-1] + spoken.within[-1] < 0.10


@pytest.mark.parametrize(
    ("p", "alpha", "median"),
    [
        (0.10, 0.05, (55, 60)),
        (0.10, 0.01, (68, 68)),
        (0.03, 0.05, (340, 360)),
        (0.03, 0.01, (400, 400)),
        (0.02, 0.05, (760, 820)),
        (0.02, 0.01, (1300, 1300)),
        (0.005, 0.05, (1700, 2000)),
        (0.005, 0.01, (3000, 3000)),
        (0.002, 0.05, (750, 750)),
        (0.002, 0.01, (1100, 1100)),
    ],
)
def test_median_requests_to_a_verdict(p: float, alpha: float, median: tuple[int, int]) -> None:
    """The table of what p99 costs, within 10 %: by simulation, and without dice."""
    requests = 3 * median[1]
    rule, arrivals = boundary(0.01, alpha, requests), slow_arrivals(p, runs=10_000, requests=requests, seed=4)
    first = first_breach if p > 0.01 else first_within
    spoken = exact.after_every_request(p, rule, requests)
    by_dice = float(np.median(first(arrivals, rule, requests)))
    without = exact.requests_until(spoken.breach if p > 0.01 else spoken.within, 0.5)
    low, high = median
    for found in (by_dice, without):
        assert found is not None
        assert 0.9 * low <= found <= 1.1 * high


@pytest.mark.parametrize(
    ("p", "alpha"), [(0.10, 0.01), (0.03, 0.05), (0.02, 0.01), (0.005, 0.01), (0.0, 0.05)]
)
def test_plans_are_what_happens(p: float, alpha: float) -> None:
    """What `tollgate plan` computes for p99, by another recursion, is what the walk from look to look comes to."""
    rule, chances = boundary(0.01, alpha, 8_000), (0.5, 0.9, 0.95)
    if p > 0.01:
        planned = requests_until_breach(0.01, alpha, p, chances)
        walked = exact.after_every_request(p, rule, 8_000, "breach").breach
    else:
        planned = requests_until_within(0.01, alpha, p, chances)
        walked = exact.after_every_request(p, rule, 8_000, "within").within
    assert planned == tuple(exact.requests_until(walked, chance) for chance in chances)


@LIMITS
@LEVELS
def test_severe_regressions_are_caught_as_promised(p0: float, alpha: float) -> None:
    """`requests_to_detect` lets a canary pass without Within: 95 % of severe regressions would have spoken by then."""
    requests = requests_to_detect(p0, alpha)
    rule = boundary(p0, alpha, 10 * requests)
    p = severe_fraction(p0)
    assert exact.after_every_request(p, rule, requests, "breach").breach[-1] >= 0.95
    arrivals = slow_arrivals(p, runs=10_000, requests=requests, seed=5)
    assert at_least(0.95, first_breach(arrivals, rule, requests) < NEVER)


@pytest.mark.parametrize("rate", [0.2, 1.0, 10.0])
def test_time_to_detect_is_requests_over_rate_and_the_wait_for_a_scrape(rate: float) -> None:
    """What the page computes from requests is what comes out where Prometheus scrapes every 15 s."""
    rule = boundary(0.01, 0.01, 20_000)
    requests = exact.requests_until(exact.after_every_request(0.03, rule, 2_000, "breach").breach, 0.5)
    assert requests is not None
    looks = int(3 * requests / rate / 15) + 1
    seen = poisson(0.03, per_scrape=15 * rate, runs=4_000, looks=looks, seed=6)
    seconds = 15 * float(np.median(first_look(rule.is_breach(seen.requests, seen.slow))))
    assert 0.95 * requests / rate <= seconds <= 1.05 * requests / rate + 2 * 15
