"""How long a surge was felt: until it was drained, and until requests were as quick as they had been. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.stress import Recovery
from tollgate.bench.audit import nearest_rank
from tollgate.bench.records import Outcome, StageRun

_USUAL = 950  # per mille: before the surge one request in 20 takes longer
_IN_A_ROW = 20
_MOST_SLOW = 2  # of them: at the usual pace there are no more in 92 % of the rows


def recovery(run: StageRun, latency: NDArray[np.float64]) -> Recovery | None:
    """What the surge of a stage did, from the latencies in seconds; None without a surge or before one.

    A request that failed is slow, however quick its failure was.
    """
    at, due = run.schedule.surge, run.schedule.due
    if at is None or not (due < at).any():
        return None
    good = run.outcome == Outcome.ANSWERED
    surge, later = due == at, due > at
    usual = nearest_rank(latency[due < at], _USUAL)
    slow = (~good | (latency > usual))[later]
    found = Recovery(
        surge=int(np.count_nonzero(surge)),
        failed=int(np.count_nonzero(surge & ~good)),
        at=units.format_duration(at),
        usual=units.format_duration(usual),
        slowest=units.format_duration(float(np.max(latency[surge | later]))),
    )
    if good[surge].all():
        found.drained = units.format_duration(float(np.max(run.ended[surge])) - at)
    rows = np.convolve(slow, np.ones(_IN_A_ROW, int), "valid") if len(slow) >= _IN_A_ROW else np.array([])
    quick = np.flatnonzero(rows <= _MOST_SLOW)
    if len(quick):
        found.recovered = units.format_duration(float(due[later][quick[0]]) - at)
    return found
