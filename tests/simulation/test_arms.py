"""A canary judged beside the stable version: hardly ever wrong, whatever the load does to both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.simulation.arms import beside
from tests.simulation.chance import at_least, at_most
from tests.simulation.rules import boundary
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
