"""What serves, looked at for days: when it is first called a Breach, with evidence carried on and without.

All runs at once, with the windows, the levels and the recursion of `decide.serving` and `decide.detector`;
`tests/simulation/test_serving.py` holds them to the product's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        against = log_evidence(n, slow, p0, levels).breach
        breach = against >= -np.log(levels)
        within = log_evidence(n, slow, p0, alpha).within >= -np.log(alpha)
        first = np.minimum(first, np.where(breach, (look + 1) * seen.seconds, np.inf))
        if np.isfinite(first).all():
            break
        over = age >= np.where(breach | within, SPOKEN_WINDOW_SECONDS, WINDOW_SECONDS)
        evidence = np.where(over, np.where(breach, 0.0, (given + evidence) * np.exp(against)), evidence)
        given = np.where(over, age / DAY_SECONDS, given)
        n, slow, age = (np.where(over, 0.0, each) for each in (n, slow, age))
    return first
