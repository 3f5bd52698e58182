"""Do slow requests come in clumps? Then blocks of time must agree before counts of requests may speak.

The test of `decide.evidence` needs each request to be slow with probability at most p0 given the past. Under overload
slow requests clump, and a hundred of them may be one event. Where the counts per block vary significantly more than
independent requests would, a verdict also needs the anytime-valid interval over blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

from tollgate.decide.means import MIN_LIVE_BLOCKS

_SIGNIFICANT = 0.001
"""A false alarm costs requests and never a wrong verdict."""


@dataclass(frozen=True)
class Dispersion:
    """Variance of the counts per block over that of independent requests, and whether it is significantly more."""

    factor: float
    clumped: bool


def dispersion(blocks: Sequence[tuple[float, float]]) -> Dispersion:
    """Pearson's chi-square over (slow, requests) of blocks that expect about one slow request or more."""
    used = [(slow, n) for slow, n in blocks if n > 0]
    total = math.fsum(n for _, n in used)
    fraction = math.fsum(slow for slow, _ in used) / total if total else 0.0
    freedom = len(used) - 1
    if len(used) < MIN_LIVE_BLOCKS or not 0 < fraction < 1:
        return Dispersion(1.0, False)
    variance = fraction * (1 - fraction)
    chi2 = math.fsum((slow - n * fraction) ** 2 / (n * variance) for slow, n in used)
    return Dispersion(chi2 / freedom, float(chdtrc(freedom, chi2)) < _SIGNIFICANT)
