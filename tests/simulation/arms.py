"""A canary beside the stable version, under the same load: what each has counted at each scrape."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.beside import ArmBlock, Arms, Beside, judge_beside
from tollgate.decide.levels import live_levels
from tollgate.decide.two_arm import Segment, arms_evidence

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def beside(
    ratio: float,
    *,
    slow: float,
    waves: float,
    share: float,
    per_scrape: float,
    runs: int,
    looks: int,
    seed: int,
) -> Segment:
    """Cumulative counts, (runs, looks) each; the canary is slow `ratio` times as often as the stable version.

    `per_scrape` requests come to both together, by chance, a part `share` of them to the canary. `slow` is the median
    fraction of slow requests of the stable version; over an hour of scrapes it falls and rises by a factor of
    exp(`waves`), for both.
    """
    rng = np.random.default_rng(seed)
    phase = rng.random((runs, 1))
    load = slow * np.exp(waves * np.sin(2 * np.pi * (np.arange(looks) / 240 + phase)))
    canary, stable = (rng.poisson(per_scrape * part, (runs, looks)) for part in (share, 1 - share))
    counts = (canary, rng.binomial(canary, np.minimum(1.0, ratio * load)), stable, rng.binomial(stable, load))
    return Segment(*(count.cumsum(axis=1) for count in counts))


def stalls(
    size: int, *, slow: float, share: float, per_scrape: int, runs: int, looks: int, seed: int
) -> Segment:
    """Counts of each scrape, (runs, looks) each: alike arms in which a fraction `slow` is slow, `size` at a time."""
    rng = np.random.default_rng(seed)
    counts: list[NDArray[np.int64]] = []
    for part in (share, 1 - share):
        requests = np.full((runs, looks), round(per_scrape * part))
        events = rng.poisson(requests * slow / size)
        counts += [requests, np.minimum(requests, size * events)]
    return Segment(*counts)


def uncorrected(seen: Segment, objective: Objective, alpha: float) -> NDArray[np.bool_]:
    """Whether each request taken for itself is enough evidence at each look that the canary is worse."""
    level = live_levels([objective], alpha).breach
    total = Segment(*(np.asarray(count).cumsum(axis=1) for count in seen))
    enough: NDArray[np.bool_] = arms_evidence([total], float(objective.margin), level).breach >= -np.log(
        level
    )
    return enough


def first_worse(seen: Segment, objective: Objective, alpha: float) -> NDArray[np.int64]:
    """The look, from 1 on, at which each run is first called WorseThanStable; 0 where it never is.

    The correction for clumps only takes evidence away, so it is asked only where there is some without it.
    """
    spoken = uncorrected(seen, objective, alpha)
    result = ObjectiveResult(name=objective.name, verdict=Verdict.WITHIN)
    first = np.zeros(len(spoken), np.int64)
    for run in np.flatnonzero(spoken.any(axis=1)):
        rows = zip(*(np.asarray(count)[run].tolist() for count in seen), strict=True)
        blocks = tuple(ArmBlock(*row) for row in rows)
        for look in np.flatnonzero(spoken[run]).tolist():
            at = Beside("", NOON, arms={objective.name: Arms(objective.limit, blocks[: look + 1])})
            (judged,) = judge_beside([result], [objective], at, alpha)
            if judged.reason is Reason.WORSE_THAN_STABLE:
                first[run] = look + 1
                break
    return first
