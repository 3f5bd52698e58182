"""What serves, looked at for days: when it is first called a Breach, with evidence carried on and without.

All runs at once, with the windows, the levels and the recursion of `decide.serving` and `decide.detector`;
`tests/simulation/test_serving.py` holds them to the product's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from tollgate.decide.detector import DAY_SECONDS, level, one_digit
from tollgate.decide.evidence import log_evidence
from tollgate.decide.serving import SPOKEN_WINDOW_SECONDS, WINDOW_SECONDS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Requests and slow ones that each run counted between looks, (runs, looks), and the seconds between looks."""

    requests: Array
    slow: Array
    seconds: float


def traffic(fractions: Array, rate: float, seconds: float, *, runs: int, seed: int) -> Traffic:
    """Requests that come by chance at `rate` per second, of which a fraction is slow that changes from look to look."""
    rng = np.random.default_rng(seed)
    requests = rng.poisson(rate * seconds, (runs, len(fractions)))
    return Traffic(requests.astype(float), rng.binomial(requests, fractions).astype(float), seconds)


def first_breach(seen: Traffic, p0: float, alpha: float, *, carried: bool) -> Array:
    """Seconds until each run is first called a Breach; infinite where it never is.

    Without `carried` each window begins with all its evidence, as they did before there was a detector.
    """
    runs, looks = seen.requests.shape
    first = np.full(runs, np.inf)
    n, slow, age, evidence = np.zeros((4, runs))
    given = np.ones(runs)
    for look in range(looks):
        n, slow, age = n + seen.requests[:, look], slow + seen.slow[:, look], age + seen.seconds
        starts = [one_digit(start) for start in (given + evidence).tolist()] if carried else np.ones(runs)
        levels = np.array([level(alpha, start) for start in starts])
        most = _most_evidence(n, slow, p0)
        against, favour = np.full((2, runs), -np.inf)
        asked = (slow < n * p0) & (most >= -np.log(alpha))
        favour[asked] = log_evidence(n[asked], slow[asked], p0, alpha).within
        within = favour >= -np.log(alpha)
        ends = age >= np.where(within, SPOKEN_WINDOW_SECONDS, WINDOW_SECONDS)
        asked = ends | (slow > n * p0) & (most >= -np.log(levels))
        against[asked] = log_evidence(n[asked], slow[asked], p0, levels[asked]).breach
        breach = against >= -np.log(levels)
        first = np.minimum(first, np.where(breach, (look + 1) * seen.seconds, np.inf))
        if np.isfinite(first).all():
            break
        over = ends | breach & (age >= SPOKEN_WINDOW_SECONDS)
        evidence = np.where(over, np.where(breach, 0.0, (given + evidence) * np.exp(against)), evidence)
        given = np.where(over, age / DAY_SECONDS, given)
        n, slow, age = (np.where(over, 0.0, each) for each in (n, slow, age))
    return first


def _most_evidence(n: Array, slow: Array, p0: float) -> Array:
    """No mixture is more likely than the likeliest rate: the logarithm of its likelihood over that of p0."""
    n = np.maximum(n, 1.0)
    return np.asarray(xlogy(slow, slow / (n * p0)) + xlogy(n - slow, (n - slow) / (n * (1 - p0))))
