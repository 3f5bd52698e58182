"""Is the limit broken in scrape after scrape, or was it once? Bets on whole blocks of time, which clumps cannot win.

The test of `decide.evidence` takes each request for slow with probability at most p0 whatever came before. Under
overload slow requests come in clumps, and a hundred of them may be one event. So a Breach takes more: a bettor who
stakes, before each block, a part c of the capital on "a larger share than p0 of the next block will be slow". A block
with share x multiplies the capital by 1 + c (x/p0 - 1). If the share of a block is p0 or less on average, whatever the
blocks before were, this is a fair or losing game, and the capital ever reaches 1/alpha with probability at most alpha
(Ville), however the slow requests of a block hang together. All that can be proved of such a share is proved by some
bet of this kind (Clerico, "On the optimality of coin-betting for mean estimation", 2024).

The best c is not known and may change, so the capital is divided among many: small ones, which are right where blocks
have few requests, and large ones, which call an outage after two blocks (Cover, "Universal portfolios", Mathematical
Finance 1991; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal
Statistical Society B 2024). A part of it is divided anew after each block, so that a version that turns slow is called
by how slow it is now (Herbster and Warmuth, "Tracking the best expert", Machine Learning 1998).

A clump that spans two blocks counts as two. Most do not: a request is counted when it ends, and those that waited for
the same thing end together.
This module must not know where counts come from.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from tollgate.decide.beta_tail import Array

_STAKES = ((1 + np.cos(np.pi * (np.arange(32) + 0.5) / 32)) / 2) ** 2
"""Parts of the capital that are at stake: from one in a million to all but a thousandth, close to both ends."""

_ANEW = 0.002
"""The part of the capital that is divided anew after each block, of which there are 256 at most."""


def log_bets(slow: ArrayLike, requests: ArrayLike, p0: float) -> Array:
    """Natural logarithm of the capital after each block along the last axis, a fraction p0 being allowed.

    A block must be over: one that may still change would be a bet whose outcome is known while stakes are taken. One
    without requests is no bet.
    """
    slow, requests = np.asarray(slow, dtype=float), np.asarray(requests, dtype=float)
    gains = np.divide(slow, p0 * requests, out=np.ones_like(slow), where=requests > 0) - 1
    grown = np.empty_like(gains)
    parts = np.full((len(_STAKES), *gains.shape[:-1]), 1 / len(_STAKES))
    for block in range(gains.shape[-1]):
        parts = parts * (1 + np.multiply.outer(_STAKES, gains[..., block]))
        capital = parts.sum(axis=0)
        grown[..., block] = np.log(capital)
        parts = (1 - _ANEW) * parts / capital + _ANEW / len(_STAKES)
    total: Array = grown.cumsum(axis=-1)
    return total


@lru_cache(maxsize=1024)
def blocks_until_breach(severity: float, alpha: float) -> int:
    """Blocks with many requests after which a slow share of `severity` times what is allowed has won 1/alpha.

    `severity` must be above 1 by more than what dividing anew takes.
    """
    blocks = 1
    while log_bets(np.full(blocks, severity), np.ones(blocks), 1.0)[-1] < -math.log(alpha):
        blocks *= 2
    evidence = log_bets(np.full(blocks, severity), np.ones(blocks), 1.0)
    return int((evidence >= -math.log(alpha)).argmax()) + 1
