"""Slow requests that come in clumps, and what the live test makes of them with its correction and without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.simulation.rules import Boundary, Counts
from tests.simulation.traffic import Scrapes
from tollgate.api.verdict import Verdict
from tollgate.decide.dispersion import clumping
from tollgate.decide.evidence import judge_counts, log_evidence
from tollgate.decide.levels import Levels

PER_SCRAPE = 100
"""Requests at each scrape: as many as a block must have for p99, so that each scrape is one."""


def bursts(p: float, size: float, *, runs: int, looks: int, seed: int) -> Scrapes:
    """Each slow request brings others along within its scrape, `size` together on average; a fraction p is slow."""
    rng = np.random.default_rng(seed)
    events = rng.poisson(PER_SCRAPE * p / size, size=(runs, looks))
    followers = rng.negative_binomial(np.maximum(events, 1), 1 / size) * (events > 0)
    return _scrapes(np.minimum(PER_SCRAPE, events + followers))


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


def corrected(seen: Scrapes, rule: Boundary, p0: float, alpha: float) -> First:
    """The first verdicts of the live test. The correction only takes evidence away: it is asked where there is some."""
    return First(
        _first(seen, rule.is_breach(seen.requests, seen.slow), Verdict.BREACH, p0, alpha),
        _first(seen, rule.is_within(seen.requests, seen.slow), Verdict.WITHIN, p0, alpha),
    )


def uncorrected(seen: Scrapes, rule: Boundary) -> First:
    """The first verdicts if each request were taken for independent of the others."""
    breach, within = rule.is_breach(seen.requests, seen.slow), rule.is_within(seen.requests, seen.slow)
    return First(
        np.where(breach.any(axis=1), breach.argmax(axis=1) + 1, 0),
        np.where(within.any(axis=1), within.argmax(axis=1) + 1, 0),
    )


def _first(seen: Scrapes, spoken: NDArray[np.bool_], wanted: Verdict, p0: float, alpha: float) -> Counts:
    requests, slow = seen.between()
    first = np.zeros(len(slow), np.int64)
    for run in np.flatnonzero(spoken.any(axis=1)):
        blocks = list(zip(slow[run].tolist(), requests[run].tolist(), strict=True))
        looks = np.flatnonzero(spoken[run])
        factor = np.array([clumping(blocks[: look + 1]) for look in looks])
        evidence = log_evidence(seen.requests[run][looks] / factor, seen.slow[run][looks] / factor, p0, alpha)
        speaks = (evidence.breach if wanted is Verdict.BREACH else evidence.within) >= -np.log(alpha)
        first[run] = looks[speaks.argmax()] + 1 if speaks.any() else 0
    return first


def verdict(blocks: list[tuple[float, float]], p0: float, alpha: float) -> Verdict:
    """What `decide.live_proportion` says of these blocks of (slow, requests)."""
    factor = clumping(blocks)
    n, slow = sum(n for _, n in blocks) / factor, sum(slow for slow, _ in blocks) / factor
    return judge_counts(n, (slow, slow), p0, Levels(alpha, alpha)).verdict
