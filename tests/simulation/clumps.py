"""Slow requests that come in clumps, and what the live test makes of them, guarded against clumps and unguarded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from tests.simulation.rules import Boundary, Counts, boundary
from tests.simulation.traffic import Scrapes, poisson
from tollgate.api.evidence import MOST_BLOCKS
from tollgate.api.verdict import Verdict
from tollgate.decide.bets import log_bets
from tollgate.decide.crossing import requests_until_breach
from tollgate.decide.dispersion import SIGNIFICANT, clumping
from tollgate.decide.evidence import judge_counts, log_evidence
from tollgate.decide.levels import Levels
from tollgate.decide.means import MIN_LIVE_BLOCKS

PER_SCRAPE = 100
"""Requests at each scrape: as many as a block must have for p99, so that each scrape is one."""


def bursts(p: float, size: float, *, runs: int, looks: int, seed: int) -> Scrapes:
    """Each slow request brings others along within its scrape, `size` together on average; a fraction p is slow."""
    rng = np.random.default_rng(seed)
    events = rng.poisson(PER_SCRAPE * p / size, size=(runs, looks))
    followers = rng.negative_binomial(np.maximum(events, 1), 1 / size) * (events > 0)
    return _scrapes(np.minimum(PER_SCRAPE, events + followers))


def straddling(p: float, size: int, *, runs: int, looks: int, seed: int) -> Scrapes:
    """So many slow requests at a time, each time cut in two anywhere by the end of a scrape; a fraction p is slow."""
    rng = np.random.default_rng(seed)
    events = rng.poisson(PER_SCRAPE * p / size, size=(runs, looks + 1))
    slow = np.zeros((runs, looks), np.int64)
    for i in range(events.max()):
        cut = rng.integers(0, size, endpoint=True, size=events.shape)
        happens = events > i
        slow += (happens * cut)[:, 1:] + (happens * (size - cut))[:, :-1]
    return _scrapes(np.minimum(PER_SCRAPE, slow))


def overloads(p: float, bad: float, scrapes: float, *, runs: int, looks: int, seed: int) -> Scrapes:
    """Overloads that last so many scrapes on average, with a fraction `bad` slow, and none between; p on average."""
    rng = np.random.default_rng(seed)
    share = p / bad
    end, begin = 1 / scrapes, share / (1 - share) / scrapes
    overloaded = rng.random(runs) < share
    slow = np.empty((runs, looks), np.int64)
    for i in range(looks):
        slow[:, i] = rng.binomial(PER_SCRAPE, np.where(overloaded, bad, 0.0))
        dice = rng.random(runs)
        overloaded = np.where(overloaded, dice >= end, dice < begin)
    return _scrapes(slow)


def _scrapes(slow: Counts) -> Scrapes:
    runs, looks = slow.shape
    return Scrapes(np.broadcast_to(PER_SCRAPE * np.arange(1, looks + 1), (runs, looks)), slow.cumsum(axis=1))


@dataclass(frozen=True)
class First:
    """The scrape, from 1 on, at which each run was first called so; 0 where it never was."""

    breach: Counts
    within: Counts


def guarded(seen: Scrapes, rule: Boundary, p0: float, alpha: float) -> First:
    """The first verdicts of the live test. Its guards only take evidence away: they are asked where there is some."""
    return First(guarded_breach(seen, rule, p0, alpha), _guarded_within(seen, rule, p0, alpha))


def guarded_breach(seen: Scrapes, rule: Boundary, p0: float, alpha: float) -> Counts:
    """The scrape at which each run is first called a Breach; 0 where it never is."""
    requests, slow = seen.between()
    lasting = _bets(slow, requests, p0) >= -np.log(alpha)
    return _first(rule.is_breach(seen.requests, seen.slow) & lasting)


def scrapes_until_breach(
    slow: float, per_scrape: float, p0: float, alpha: float, chances: tuple[float, ...]
) -> list[int]:
    """After how many scrapes a release with a fraction `slow` is called a Breach with each of these chances.

    By 400 simulated releases with so many requests per scrape on average, independent of each other.
    """
    alone = requests_until_breach(p0, alpha, slow, (0.95,))
    assert alone is not None
    looks = 25 + math.ceil(2 * alone[0] / per_scrape)
    seen = poisson(slow, per_scrape=per_scrape, runs=400, looks=looks, seed=48)
    rule = boundary(p0, alpha, int(seen.slow.max() / p0))
    called = guarded_breach(seen, rule, p0, alpha)
    found = np.quantile(np.where(called == 0, np.inf, called), chances, method="higher")
    return [int(scrapes) for scrapes in found]


def _bets(slow: Counts, requests: Counts, p0: float) -> NDArray[np.float64]:
    """The evidence of the blocks at each look: of scrapes, and once they are too many, of twos, fours, ... of them."""
    looks, size = slow.shape[1], 1
    evidence = log_bets(slow[:, :MOST_BLOCKS], requests[:, :MOST_BLOCKS], p0)
    while evidence.shape[1] < looks:
        size *= 2
        ends = range(0, min(looks, size * MOST_BLOCKS) // size * size, size)
        coarse = log_bets(*(np.add.reduceat(counts, ends, axis=1) for counts in (slow, requests)), p0)
        at = np.arange(evidence.shape[1] + 1, min(looks, size * MOST_BLOCKS) + 1)
        evidence = np.concatenate((evidence, coarse[:, at // size - 1]), axis=1)
    return evidence


def unguarded(seen: Scrapes, rule: Boundary) -> First:
    """The first verdicts if each request were taken for independent of the others."""
    return First(
        _first(rule.is_breach(seen.requests, seen.slow)), _first(rule.is_within(seen.requests, seen.slow))
    )


def _first(spoken: NDArray[np.bool_]) -> Counts:
    return np.where(spoken.any(axis=1), spoken.argmax(axis=1) + 1, 0)


def _guarded_within(seen: Scrapes, rule: Boundary, p0: float, alpha: float) -> Counts:
    spoken = rule.is_within(seen.requests, seen.slow)
    factor = clumpings(seen)[spoken]
    evidence = log_evidence(seen.requests[spoken] / factor, seen.slow[spoken] / factor, p0, alpha)
    spoken[spoken] = evidence.within >= -np.log(alpha)
    return _first(spoken)


def clumpings(seen: Scrapes) -> NDArray[np.float64]:
    """`decide.dispersion.clumping` of the scrapes up to each look, (runs, looks): all of its sums are running ones."""
    requests, slow = seen.between()
    root = np.sqrt(requests)
    a, b = (np.diff(each, axis=1, prepend=0.0) for each in (slow / root, root))
    a[:, 0] = b[:, 0] = 0.0  # the first scrape has no neighbour before it
    fraction = seen.slow / seen.requests
    aa, ab, bb = (each.cumsum(axis=1) for each in (a * a, a * b, b * b))
    pairs = np.arange(slow.shape[1])
    known = (pairs >= MIN_LIVE_BLOCKS - 1) & (fraction > 0) & (fraction < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        half_squares = (aa - 2 * fraction * ab + fraction**2 * bb) / 2
        factor = half_squares / pairs / (fraction * (1 - fraction))
        freedom = 2 * pairs**2 / (3 * pairs - 1)
        significant = chdtrc(freedom, factor * freedom) < SIGNIFICANT
    return np.where(known & significant, factor, 1.0)


def verdict(blocks: list[tuple[float, float]], p0: float, alpha: float) -> Verdict:
    """What `decide.live_proportion` says of these blocks of (slow, requests)."""
    n, slow = sum(n for _, n in blocks), sum(slow for slow, _ in blocks)
    levels, factor = Levels(alpha, alpha), clumping(blocks)
    if judge_counts(n, (slow, slow), p0, levels).verdict is Verdict.BREACH:
        lasting = log_bets(*np.array(blocks).T, p0)[-1] >= -np.log(alpha)
        return Verdict.BREACH if lasting else Verdict.INCONCLUSIVE
    return judge_counts(n / factor, (slow / factor, slow / factor), p0, levels).verdict
