"""Is the canary slower than the stable version beside it? A live test that a common change of load can not fool.

Both arms meet the same users at the same time. Of all slow requests, whichever arm they fell to, each falls to the
canary with probability at most w (1 + d) / (w (1 + d) + 1 - w), where w is the canary's share of the requests, as long
as its requests are slow at most 1 + d times as often as the stable ones. That is the test of `decide.evidence` with the
slow requests of both arms as its n, the canary's as the slow ones, and this probability as p0; how many requests are
slow, and when, no longer matters.

It holds while the share does not change. A step of the share, and any other change of it such as pods that come or go,
begins a new `Segment`, with evidence of its own; the evidence of segments is multiplied. Beginning a new one without
need costs evidence and makes none.
This module must not know where counts come from, nor what is done about a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.evidence import CountVerdict, Evidence, log_evidence
from tollgate.decide.levels import Levels


class Segment(NamedTuple):
    """What both arms counted while the canary's share was the same; numbers, or arrays of one shape for many at once.

    Counts that were corrected for clumps need not be whole numbers.
    """

    canary_requests: ArrayLike
    canary_slow: ArrayLike
    stable_requests: ArrayLike
    stable_slow: ArrayLike


def arms_evidence(segments: Sequence[Segment], margin: float, alpha: float) -> Evidence:
    """The evidence that the canary is slow more than 1 + `margin` times as often as the stable version; and less.

    A segment in which an arm had no request says nothing. `alpha` tunes the prior only.
    """
    if not -1 < margin < math.inf:
        raise ValueError(
            f"a margin of {margin:g} is none: it is a part of the stable version's rate, such as 0.1"
        )
    each = [_of_segment(segment, margin, alpha) for segment in segments]
    return Evidence(
        sum((one.breach for one in each), np.zeros(())), sum((one.within for one in each), np.zeros(()))
    )


def judge_arms(segments: Sequence[Segment], margin: float, levels: Levels) -> CountVerdict:
    """Judge one canary by all its segments, as often as one likes: Breach where it is worse, Within where it is not.

    A canary that was much worse in one segment and much better in another may be both. It is a Breach then.
    """
    breach = float(arms_evidence(segments, margin, levels.breach).breach)
    within = float(arms_evidence(segments, margin, levels.within).within)
    worse, good = breach >= -math.log(levels.breach), within >= -math.log(levels.within)
    verdict = Verdict.BREACH if worse else Verdict.WITHIN if good else Verdict.INCONCLUSIVE
    reason = None if worse or good else Reason.TOO_FEW_REQUESTS
    return CountVerdict(verdict, reason, breach, within, may_be_breach=worse)


def _of_segment(segment: Segment, margin: float, alpha: float) -> Evidence:
    canary, canary_slow, stable, stable_slow = np.broadcast_arrays(
        *(np.asarray(count, dtype=float) for count in segment)
    )
    _check(canary, canary_slow)
    _check(stable, stable_slow)
    both = (canary > 0) & (stable > 0)
    weighted = np.where(both, canary, 1.0) * (1 + margin)
    p0 = weighted / (weighted + np.where(both, stable, 1.0))
    total, slow = np.where(both, canary_slow + stable_slow, 0.0), np.where(both, canary_slow, 0.0)
    # Counted on the side that has the fewer: the prior is made for rare events, and so either arm may be called canary.
    mirrored = p0 > 0.5
    breach, within = log_evidence(
        total, np.where(mirrored, total - slow, slow), np.where(mirrored, 1 - p0, p0), alpha
    )
    return Evidence(np.where(mirrored, within, breach), np.where(mirrored, breach, within))


def _check(requests: NDArray[np.float64], slow: NDArray[np.float64]) -> None:
    wrong = ~((slow >= 0) & (slow <= requests) & (requests < np.inf))
    if wrong.any():
        raise ValueError(f"{slow[wrong][0]:g} slow of {requests[wrong][0]:g} requests is not a count")
