"""How the live test behaves on simulated traffic that is looked at after every single request (seeded)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tollgate.decide.evidence import log_breach, log_within

P0 = 0.01
LOOKS = 20_000
Counts = NDArray[np.int32]


@cache
def boundaries(alpha: float) -> tuple[Counts, Counts]:
    """For each number of requests from 1 on: the least slow count that is a Breach, and the most that is Within."""
    need = -math.log(alpha)
    breach, within = np.empty(LOOKS, np.int32), np.empty(LOOKS, np.int32)
    least, most = 1, -1
    for n in range(1, LOOKS + 1):
        while least <= n and log_breach(n, least, P0, alpha) < need:
            least += 1
        while most < n and log_within(n, most + 1, P0, alpha) >= need:
            most += 1
        breach[n - 1], within[n - 1] = least, most
    return breach, within


def traffic(p: float, runs: int, requests: int = LOOKS, seed: int = 1) -> Counts:
    """Cumulative counts of slow requests."""
    rng = np.random.default_rng(seed)
    return (rng.random((runs, requests), dtype=np.float32) < p).cumsum(axis=1, dtype=np.int32)


def first(crossed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The request at which each run first crossed; infinite where it never did."""
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1.0, np.inf)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_hardly_ever_wrong_at_the_limit_however_often_one_looks(alpha: float) -> None:
    breach, within = boundaries(alpha)
    slow = traffic(P0, 1000)
    wrong_breach, wrong_within = (slow >= breach).any(axis=1), (slow <= within).any(axis=1)
    assert wrong_breach.mean() <= alpha
    assert wrong_within.mean() <= alpha
    assert (wrong_breach | wrong_within).mean() < 0.1, "over 90 % are still undecided"


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
    requests = 2 * median[1]
    slow = traffic(p, 4000, requests)
    breach, within = (boundary[:requests] for boundary in boundaries(alpha))
    found = float(np.median(first(slow >= breach if p > P0 else slow <= within)))
    low, high = median
    assert 0.9 * low <= found <= 1.1 * high


@pytest.mark.parametrize(("window", "aborted"), [(20, 0.63), (60, 0.95), (100, 0.61), (1000, 0.13)])
def test_point_test_aborts_healthy_releases_and_this_does_not(window: int, aborted: float) -> None:
    """A healthy model (0.5 % slow), ten looks; the point test allows no window with more than 1 % slow."""
    slow = traffic(0.005, 2000, 10 * window)
    at_looks = slow[:, window - 1 :: window]
    in_window = np.diff(at_looks, axis=1, prepend=0)
    point = (in_window > P0 * window).any(axis=1).mean()
    ours = (slow >= boundaries(0.05)[0][: 10 * window]).any(axis=1).mean()
    assert point == pytest.approx(aborted, abs=0.04)
    assert ours <= 0.01
