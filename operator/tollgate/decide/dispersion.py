"""Do slow requests come in clumps? Then a verdict takes more of them.

The test of `decide.evidence` needs each request to be slow with probability at most p0 given the past. Where counts
vary from block to block significantly more than those of independent requests would, all counts are divided by the
factor of the variance (the design effect of surveys): if each block is slow or not as a whole, it then counts as one
request. So are those of a Breach while a version serves. In a canary `decide.bets`
takes care that it is not one clump.

The variance is that of neighbouring blocks, so that a version that turns slow and stays so, which shows in one
difference only, is not taken for a clump. Below `MIN_LIVE_BLOCKS` blocks nothing is known of clumps and counts are
taken as they come. All this is an approximation; a false alarm of it costs requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from scipy.special import chdtrc

from tollgate.decide.means import MIN_LIVE_BLOCKS

SIGNIFICANT = 0.001


def clumping(blocks: Sequence[tuple[float, float]]) -> float:
    """The variance of (slow, requests) blocks over that of independent requests; 1 where it is not significantly more.

    Half the mean squared difference of neighbours (von Neumann, 1941). Blocks ought to expect one slow request or more.
    """
    used = [(slow, n) for slow, n in blocks if n > 0]
    total = math.fsum(n for _, n in used)
    fraction = math.fsum(slow for slow, _ in used) / total if total else 0.0
    if len(used) < MIN_LIVE_BLOCKS or not 0 < fraction < 1:
        return 1.0
    deviations = [(slow - n * fraction) / math.sqrt(n) for slow, n in used]
    half_squares = math.fsum((after - before) ** 2 for before, after in pairwise(deviations)) / 2
    pairs = len(used) - 1
    factor = half_squares / pairs / (fraction * (1 - fraction))
    # Overlapping differences vary more than independent ones: a chi-square matched in mean and variance.
    scale = (3 * pairs - 1) / (2 * pairs)
    return factor if chdtrc(pairs / scale, factor * pairs / scale) < SIGNIFICANT else 1.0
