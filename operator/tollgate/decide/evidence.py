"""Live counts to a verdict that stays right however often one looks.

"p99 <= T" says that at most 1 % of the requests are slower than T, so the data are two integers: n requests, and how
many of them are slow (or failed). The test is a one-sided beta-binomial mixture (Howard, Ramdas, McAuliffe, Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 2021; the idea is Robbins').
By Ville's inequality its evidence reaches 1/alpha with probability at most alpha over the whole life of the counts
if the claim is false, so it may be looked at after every scrape and stopped whenever it speaks.

It supposes that each request is slow with probability at most p0 whatever came before; `decide.dispersion` checks,
and may shrink the counts, which is why they need not be whole numbers.
This module must not know where counts come from, nor what an objective is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import betainc

from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.beta_tail import log_mills_lower, log_mills_upper
from tollgate.decide.levels import Levels

_EXPECTED_SLOW = 20.0
"""The prior is sharpest once so many slow requests are expected: n_opt = 20/p0, which is 2,000 requests for p99."""


@lru_cache(maxsize=1024)
def prior(p0: float, alpha: float) -> tuple[float, float]:
    """Parameters (a, b) of the mixing Beta distribution for a limit 0 < p0 < 1 at level alpha."""
    variance = p0 * (1 - p0)
    spread = 2 * math.log(1 / (2 * alpha))
    rho = variance * (_EXPECTED_SLOW / p0) / (spread + math.log1p(spread))
    r = max(rho - variance, variance / 1000)
    return r / (1 - p0), r / p0


def log_breach(n: float, slow: float, p0: float, alpha: float) -> float:
    """Natural logarithm of the evidence that more than a fraction p0 is slow, with `slow` of `n` requests slow.

    The mixture's formula is a ratio of two Mills ratios of the Beta distribution at p0, that of the counts over that
    of the prior; in this form nothing overflows, underflows or cancels. `alpha` tunes the prior only.
    """
    _check(n, slow, p0)
    a, b = prior(p0, alpha)
    return log_mills_upper(a + slow, b + n - slow, p0) - log_mills_upper(a, b, p0)


def log_within(n: float, slow: float, p0: float, alpha: float) -> float:
    """Natural logarithm of the evidence that less than a fraction p0 is slow; see `log_breach`."""
    _check(n, slow, p0)
    a, b = prior(p0, alpha)
    return log_mills_lower(a + slow, b + n - slow, p0) - log_mills_lower(a, b, p0)


def _check(n: float, slow: float, p0: float) -> None:
    if not 0 <= slow <= n:
        raise ValueError(f"{slow} slow of {n} requests is not a count")
    if not 0 < p0 < 1:
        raise ValueError(f"a limit of {p0} of the requests can not be judged: it must be between 0 and 1")


@dataclass(frozen=True)
class CountVerdict:
    """What counts say about one limit, and the evidence for either side in natural logarithms."""

    verdict: Verdict
    reason: Reason | None
    log_breach: float
    log_within: float


def judge_counts(n: float, slow: tuple[float, float], p0: float, levels: Levels) -> CountVerdict:
    """Judge `n` requests of which between slow[0] and slow[1] were over the limit, at most a fraction p0 being allowed.

    Breach is judged on the lower count and Within on the upper. Where neither speaks, but some count between them
    would, it is the histogram's resolution that is missing and not requests.
    """
    low, high = slow
    need_breach, need_within = -math.log(levels.breach), -math.log(levels.within)
    breach = log_breach(n, low, p0, levels.breach)
    within = log_within(n, high, p0, levels.within)
    if breach >= need_breach:
        return CountVerdict(Verdict.BREACH, None, breach, within)
    if within >= need_within:
        return CountVerdict(Verdict.WITHIN, None, breach, within)
    hidden = low < high and (
        log_breach(n, high, p0, levels.breach) >= need_breach
        or log_within(n, low, p0, levels.within) >= need_within
    )
    reason = Reason.BUCKET_RESOLUTION if hidden else Reason.TOO_FEW_REQUESTS
    return CountVerdict(Verdict.INCONCLUSIVE, reason, breach, within)


def severe_fraction(p0: float, severity: float = 3.0) -> float:
    """The slow fraction of a severe regression: `severity` times p0, kept well below 1 where p0 is large."""
    return min(severity * p0, (1 + p0) / 2)


@lru_cache(maxsize=1024)
def requests_to_detect(p0: float, alpha: float, severity: float = 3.0, power: float = 0.95) -> int:
    """Requests after which a severe regression would have been called a Breach with probability `power`.

    P(slow count >= boundary) at that fixed number of requests: a lower bound of the chance to have crossed the
    boundary at or before it, so the promise holds from there on.
    """
    p1 = severe_fraction(p0, severity)

    def detects(n: int) -> bool:
        needed = _breach_boundary(n, p0, alpha)
        return needed <= n and float(betainc(needed, n - needed + 1, p1)) >= power

    high = 1
    while not detects(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if detects(middle) else (middle, high)
    return high


def _breach_boundary(n: int, p0: float, alpha: float) -> int:
    """The smallest count of slow requests that is a Breach at n requests; n + 1 when there is none."""
    low, high = -1, n + 1
    need = -math.log(alpha)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if log_breach(n, middle, p0, alpha) >= need else (middle, high)
    return high
