"""A fixed number of requests to an exact verdict: what a benchmark can certify.

The certificate is that of MLPerf's early stopping, exact binomial: with t slow among n requests, "at most a fraction
p0 is slow" is certified once so few would be seen with probability at most alpha if it were not so. It holds for a
number of requests that was fixed beforehand; counts that are looked at while they grow belong to `decide.evidence`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

from scipy.special import betaincinv

from tollgate.api.verdict import Verdict
from tollgate.decide.levels import Levels
from tollgate.measure.binomial import chance_of_at_least, chance_of_at_most, requests_needed, smallest

_MOST_SLOW = 4096
"""A benchmark that must see more slow requests than this is not a plan."""


def judge_fixed(n: int, slow: int, p0: float, levels: Levels) -> Verdict:
    """Judge `slow` of `n` requests, a number fixed beforehand, at most a fraction p0 being allowed."""
    if chance_of_at_least(slow, n, p0) <= levels.breach:
        return Verdict.BREACH
    if n and chance_of_at_most(slow, n, p0) <= levels.within:
        return Verdict.WITHIN
    return Verdict.INCONCLUSIVE


@lru_cache(maxsize=4096)
def requests_at_fraction(p0: float, alpha: float, fraction: float) -> int | None:
    """About how many requests certify Within if this fraction stays slow; None when it is too close to p0, or over."""
    if fraction >= p0:
        return None
    return smallest(lambda n: chance_of_at_most(math.ceil(fraction * n), n, p0) <= alpha)


@lru_cache(maxsize=4096)
def requests_to_certify(p0: float, alpha: float, fraction: float, chance: float) -> int | None:
    """The fewest requests that certify Within with this chance, if each is slow with probability `fraction` < p0."""
    for slow in range(_MOST_SLOW):
        needed = requests_needed(p0, alpha, slow)
        if needed is None or chance_of_at_most(slow, needed, fraction) >= chance:
            return needed
    return None


@lru_cache(maxsize=4096)
def requests_to_refute(p0: float, alpha: float, fraction: float, chance: float) -> int | None:
    """The fewest requests that are a Breach with this chance, if each is slow with probability `fraction` > p0."""
    for slow in range(1, _MOST_SLOW):
        # The chance grows with the requests, up to the last of them at which so many slow ones are a Breach.
        beyond = smallest(partial(_more_likely, slow, p0, alpha))
        if beyond is None:
            return None
        if chance_of_at_least(slow, beyond - 1, fraction) >= chance:
            return smallest(lambda n: chance_of_at_least(slow, n, fraction) >= chance)  # noqa: B023 called here
    return None


def _more_likely(slow: int, p: float, chance: float, n: int) -> bool:
    return chance_of_at_least(slow, n, p) > chance


def tolerated(n: int, p0: float, alpha: float) -> int | None:
    """The most slow requests with which `n` are certified Within; None when not even without any."""
    if n == 0 or chance_of_at_most(0, n, p0) > alpha:
        return None
    return _last(lambda rank: chance_of_at_most(rank - 1, n, p0) <= alpha, n) - 1


def proportion_interval(n: float, k: float, alpha: float) -> tuple[float, float]:
    """Clopper-Pearson bounds of a proportion, k of n seen; each end is wrong with probability at most alpha.

    What was counted but does not come independently is so many fewer, and may be a fraction.
    """
    if n == 0:
        return 0.0, 1.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, alpha))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - alpha))
    return low, high


def quantile_ranks(n: int, q: float, alpha: float) -> tuple[int, int]:
    """Ranks (1 to n) of the order statistics that bound the q-quantile; each is wrong with probability at most alpha.

    Rank 0 stands for no lower bound, n + 1 for no upper one: p99 has none below 459 requests at alpha = 0.01.
    """
    low = _last(lambda rank: chance_of_at_most(rank - 1, n, q) <= alpha, n)
    high = _last(lambda rank: chance_of_at_least(rank, n, q) > alpha, n) + 1
    return low, high


def _last(holds: Callable[[int], bool], n: int) -> int:
    """The last rank from 1 to n for which `holds`, true up to some rank and false from there on; 0 if none."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
