"""A canary judged beside the stable version: hardly ever wrong, whatever the load does to both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.simulation.arms import beside, first_worse, stalls, uncorrected
from tests.simulation.chance import at_least, at_most
from tests.simulation.rules import boundary
from tests.unit.decide.objectives import objective
from tollgate.decide.two_arm import arms_evidence

ALPHA = 0.05
NEED = -math.log(ALPHA)


@pytest.mark.parametrize(
    ("margin", "share", "per_scrape"), [(0.0, 0.1, 30.0), (0.0, 0.5, 30.0), (0.5, 0.1, 1000.0)]
)
def test_no_false_alarm_however_often_one_looks_and_whatever_the_load(
    margin: float, share: float, per_scrape: float
) -> None:
    """At the margin, 2,000 looks: at 0 it is the same version in both arms. Slow requests vary by 20 times."""
    seen = beside(
        1 + margin, slow=0.01, waves=1.5, share=share, per_scrape=per_scrape, runs=500, looks=2000, seed=50
    )
    found = arms_evidence([seen], margin, ALPHA)
    assert at_most(ALPHA, (found.breach >= NEED).any(axis=1))
    assert at_most(ALPHA, (found.within >= NEED).any(axis=1))


def test_load_that_slows_both_arms_is_a_breach_of_the_limit_and_not_of_the_comparison() -> None:
    seen = beside(1.0, slow=0.01, waves=1.5, share=0.5, per_scrape=100, runs=300, looks=480, seed=51)
    requests, slow = np.asarray(seen.canary_requests), np.asarray(seen.canary_slow)
    alone = boundary(0.01, ALPHA, 10 * int(requests.max())).is_breach(requests, slow)
    assert at_least(0.99, alone.any(axis=1))
    assert at_most(ALPHA, (arms_evidence([seen], 0.0, ALPHA).breach >= NEED).any(axis=1))


def test_canary_that_is_worse_under_the_same_load_is_found() -> None:
    """Slow three times as often, one request in ten to it: within 40,000 requests to both."""
    seen = beside(3.0, slow=0.01, waves=1.5, share=0.1, per_scrape=100, runs=300, looks=400, seed=52)
    assert at_least(0.99, (arms_evidence([seen], 0.0, ALPHA).breach >= NEED).any(axis=1))


TAIL = objective("Latency", name="tail", statistic="P99", max="250ms", maxRegression="5%")


@pytest.mark.parametrize(("share", "size"), [(0.5, 1), (0.5, 20), (0.1, 1), (0.1, 20)])
def test_stalls_of_one_pod_or_another_are_no_breach(share: float, size: int) -> None:
    """The same version in both arms, 1 % slow, one by one or 20 at a time as a pod stalls; 200 scrapes."""
    seen = stalls(size, slow=0.01, share=share, per_scrape=200, runs=200, looks=200, seed=53)
    naive = uncorrected(seen, TAIL, ALPHA).any(axis=1)
    assert at_most(ALPHA, first_worse(seen, TAIL, ALPHA) > 0)
    assert at_most(ALPHA, naive) is (size == 1), "without the correction stalls would be"
