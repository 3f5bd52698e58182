"""A canary beside the stable version, under the same load: what each has counted at each scrape."""

from __future__ import annotations

import numpy as np

from tollgate.decide.two_arm import Segment


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
