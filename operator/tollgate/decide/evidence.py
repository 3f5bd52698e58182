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
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.beta_tail import Array, log_mills
from tollgate.decide.levels import Levels

_EXPECTED_SLOW = 20.0
"""The prior is sharpest once so many slow requests are expected: n_opt = 20/p0, which is 2,000 requests for p99."""

_MOST_SLOW = 2**24
"""No severe regression takes so many slow requests to show."""

Counts = NDArray[np.int64]


class Evidence(NamedTuple):
    """Natural logarithms of the evidence that more, and that less, than the allowed fraction is slow."""

    breach: Array
    within: Array


def prior(p0: ArrayLike, alpha: ArrayLike) -> tuple[Array, Array]:
    """Parameters (a, b) of the mixing Beta distribution for a limit 0 < p0 < 1 at level alpha; elementwise."""
    p0, alpha = np.asarray(p0, dtype=float), np.asarray(alpha, dtype=float)
    variance = p0 * (1 - p0)
    spread = -2 * np.log(2 * alpha)
    rho = variance * (_EXPECTED_SLOW / p0) / (spread + np.log1p(spread))
    r = np.maximum(rho - variance, variance / 1000)
    return r / (1 - p0), r / p0


def log_evidence(n: ArrayLike, slow: ArrayLike, p0: ArrayLike, alpha: ArrayLike) -> Evidence:
    """The evidence of `slow` among `n` requests, a fraction p0 being allowed, in arrays of their common shape.

    The mixture's formula is a ratio of two Mills ratios of the Beta distribution at p0, that of the counts over that
    of the prior; in this form nothing overflows, underflows or cancels. `alpha` tunes the prior only.
    """
    n, slow, p0, alpha = np.broadcast_arrays(
        *(np.asarray(each, dtype=float) for each in (n, slow, p0, alpha))
    )
    _check(n, slow, p0, alpha)
    tests, which = np.unique(p0 + 1j * alpha, return_inverse=True)  # a budget has few, and each has one prior
    which = which.ravel()
    a, b = prior(tests.real, tests.imag)
    counted = (a[which] + slow.ravel(), b[which] + (n - slow).ravel(), p0.ravel())
    below, above = log_mills(*map(np.concatenate, zip((a, b, tests.real), counted, strict=True)))
    breach, within = (tail[len(tests) :] - tail[which] for tail in (above, below))
    return Evidence(*(each.reshape(n.shape)[()] for each in (breach, within)))


def log_breach(n: float, slow: float, p0: float, alpha: float) -> float:
    """The evidence for a breach of one pair of counts; see `log_evidence`."""
    return float(log_evidence(n, slow, p0, alpha).breach)


def log_within(n: float, slow: float, p0: float, alpha: float) -> float:
    """The evidence for being within of one pair of counts; see `log_evidence`."""
    return float(log_evidence(n, slow, p0, alpha).within)


def _check(n: Array, slow: Array, p0: Array, alpha: Array) -> None:
    counts, limits = (slow >= 0) & (slow <= n) & (n < np.inf), (p0 > 0) & (p0 < 1)
    levels = (alpha > 0) & (alpha < 0.5)
    if (counts & limits & levels).all():
        return
    for right, what in (
        (counts, "{1:g} slow of {0:g} requests is not a count"),
        (limits, "a limit of {2:g} of the requests can not be judged: it must be between 0 and 1"),
        (levels, "no verdict can be wrong with probability {3:g}: a level must be between 0 and 0.5"),
    ):
        if not right.all():
            raise ValueError(what.format(*(each[~right][0] for each in (n, slow, p0, alpha))))


@dataclass(frozen=True)
class CountVerdict:
    """What counts say about one limit, and the evidence for either side in natural logarithms.

    `may_be_breach` says that the most requests that may be slow would be a Breach.
    """

    verdict: Verdict
    reason: Reason | None
    log_breach: float
    log_within: float
    may_be_breach: bool


def judge_counts(n: float, slow: tuple[float, float], p0: float, levels: Levels) -> CountVerdict:
    """Judge `n` requests of which between slow[0] and slow[1] were over the limit, at most a fraction p0 being allowed.

    Breach is judged on the lower count and Within on the upper. Where neither speaks, but some count between them
    would, it is the histogram's resolution that is missing and not requests.
    """
    alphas = np.array((levels.breach, levels.within))
    low, high = (
        Evidence(*pair) for pair in np.stack(log_evidence(n, np.array(slow)[:, None], p0, alphas), axis=1)
    )
    need_breach, need_within = -np.log(alphas)
    breach, within = low.breach[0] >= need_breach, high.within[1] >= need_within
    may_breach, may_within = high.breach[0] >= need_breach, low.within[1] >= need_within
    verdict = Verdict.BREACH if breach else Verdict.WITHIN if within else Verdict.INCONCLUSIVE
    reason = None
    if verdict is Verdict.INCONCLUSIVE:
        reason = Reason.BUCKET_RESOLUTION if may_breach or may_within else Reason.TOO_FEW_REQUESTS
    return CountVerdict(verdict, reason, float(low.breach[0]), float(high.within[1]), bool(may_breach))


def breach_until(slow: ArrayLike, p0: float, alpha: float) -> Counts:
    """The most requests at which these numbers of slow ones are a Breach; -1 where they never are."""
    slow = np.asarray(slow)
    until = _first(
        lambda n: log_evidence(n, slow, p0, alpha).breach < -math.log(alpha),
        slow - 1,
        np.ceil((slow + 1) / p0).astype(np.int64),
    )
    return np.where(until > slow, until - 1, -1)


def within_from(slow: ArrayLike, p0: float, alpha: float) -> Counts:
    """The fewest requests at which these numbers of slow ones are Within."""
    slow = np.asarray(slow)

    def speaks(n: Counts) -> NDArray[np.bool_]:
        return log_evidence(n, slow, p0, alpha).within >= -math.log(alpha)

    enough = np.ceil((slow + 1) / p0).astype(np.int64)
    while not speaks(enough).all():
        enough = np.where(speaks(enough), enough, 2 * enough)
    return _first(speaks, slow, enough)


def _first(holds: Callable[[Counts], NDArray[np.bool_]], low: Counts, high: Counts) -> Counts:
    """The first numbers above `low` for which `holds`: false up to some number, true from there on and at `high`."""
    while (high - low > 1).any():
        middle = np.maximum((low + high) // 2, low + 1)
        found = holds(middle)
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    return high


def severe_fraction(p0: float, severity: float = 3.0) -> float:
    """The slow fraction of a severe regression: `severity` times p0, kept well below 1 where p0 is large."""
    return min(severity * p0, (1 + p0) / 2)


@lru_cache(maxsize=1024)
def requests_to_detect(p0: float, alpha: float, severity: float = 3.0, power: float = 0.95) -> int:
    """Requests after which a severe regression would have been called a Breach with probability `power`.

    The fewest at which the count of slow requests is a Breach with that probability. It is a lower bound of the chance
    to have crossed the boundary by then, so the promise holds from there on.
    """
    p1 = severe_fraction(p0, severity)

    def caught(slow: Counts, n: Counts) -> NDArray[np.bool_]:
        """Whether at least so many of n requests would be slow with that probability."""
        chance: NDArray[np.bool_] = (slow <= n) & (betainc(slow, np.maximum(n - slow, 0) + 1, p1) >= power)
        return chance

    low, high = 0, _MOST_SLOW
    while high - low > 1:
        slow = np.unique(np.geomspace(low + 1, high, 64).round().astype(np.int64))
        first = int(np.argmax(caught(slow, breach_until(slow, p0, alpha))))
        low, high = int(slow[first - 1]) if first else low, int(slow[first])
    before, until = breach_until((low, high), p0, alpha)
    return int(_first(lambda n: caught(np.array(high), n), np.maximum(before, high - 1), until))
