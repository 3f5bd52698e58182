"""Probabilities of verdicts without dice: the distribution of the slow count, carried from look to look.

What has crossed a boundary is taken out and added up, so the result is exact but for rounding; it is what the
simulations must agree with, and what the tables and plots of docs/statistics.md are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, nbinom, poisson

from tests.simulation.rules import Boundary, Counts

Chances = NDArray[np.float64]
_NEGLIGIBLE = 1e-15


@dataclass(frozen=True)
class Spoken:
    """Probability that the first verdict has come by each look, (looks,) each."""

    breach: Chances
    within: Chances


def walk(p: float, looks: Sequence[int] | Counts, breach: Counts | None, within: Counts | None) -> Spoken:
    """Look at traffic, a fraction p of it slow, at each of these numbers of requests (ascending).

    `breach` is the fewest slow requests at each look that are a Breach, `within` the most that are Within; a side
    that is None never speaks.
    """
    most = int(binom.isf(_NEGLIGIBLE, looks[-1], p)) + 1
    alive = np.ones(1)
    up, down = np.zeros(len(looks)), np.zeros(len(looks))
    before = 0
    for i, n in enumerate(looks):
        alive = np.convolve(alive, _more(int(n) - before, p))[: most + 1]
        before = int(n)
        if breach is not None:
            up[i] = alive[breach[i] :].sum()
            alive = alive[: breach[i]]
        if within is not None:
            down[i] = alive[: within[i] + 1].sum()
            alive[: within[i] + 1] = 0.0
    return Spoken(up.cumsum(), down.cumsum())


@lru_cache(maxsize=64)
def _more(requests: int, p: float) -> Chances:
    """Chances of 0, 1, ... slow ones among the next requests."""
    return np.asarray(binom.pmf(np.arange(int(binom.isf(_NEGLIGIBLE, requests, p)) + 1), requests, p))


def after_every_request(p: float, boundary: Boundary, requests: int, sides: str = "both") -> Spoken:
    """Look after each of so many requests: the most that one can look. `sides`: both, breach or within."""
    looks = np.arange(1, requests + 1)
    return walk(
        p,
        looks,
        None if sides == "within" else boundary.least_breach(looks),
        None if sides == "breach" else boundary.most_within(looks),
    )


def requests_until(chances: Chances, share: float) -> int | None:
    """After how many looks, at one a request, this share of the runs has spoken; None if they do not."""
    enough = np.flatnonzero(chances >= share)
    return int(enough[0]) + 1 if len(enough) else None


def point_test_window(p: float, p0: float, requests: int) -> float:
    """The chance that a window of exactly so many requests fails the point test."""
    return float(binom.sf(np.floor(p0 * requests + 1e-9), requests, p))


def point_test_window_by_chance(p: float, p0: float, requests: float) -> float:
    """The same where requests come by chance, so many on average; a window without any does not fail."""
    slow = np.arange(1, int(poisson.isf(_NEGLIGIBLE, requests * p)) + 2)
    # Fails if slow > p0 (slow + fast): the most fast ones with which it still does.
    fast = np.ceil(slow * (1 - p0) / p0 - 1e-9) - 1
    return min(1.0, float((poisson.pmf(slow, requests * p) * poisson.cdf(fast, requests * (1 - p))).sum()))


def point_test_aborts(failing: float, looks: int, tolerated: int) -> float:
    """The chance that more than `tolerated` of so many windows fail, each with chance `failing`."""
    return float(binom.sf(tolerated, looks, failing))


def point_test_windows_until(failing: float, tolerated: int, share: float) -> float:
    """After how many windows this share of releases has seen more than `tolerated` fail."""
    return float(nbinom.ppf(share, tolerated + 1, failing)) + tolerated + 1
