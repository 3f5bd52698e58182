"""The steady part of a stage: without the time in which its load builds up, and without that in which it ends. Pure.

At the start no request is with the server. So long after the first as a request takes there are as many as there will
be, save for the slowest of them; hence from then on until the last one is due. What the server uses before and after
is that of a load which nobody asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tollgate.api.server_side import SteadyWindow
from tollgate.bench.audit import nearest_rank
from tollgate.bench.records import StageRun

_PER_MILLE = 990  # of the requests take no longer than the load takes to build up


def steady(run: StageRun, latency: NDArray[np.float64]) -> SteadyWindow | None:
    """The steady part, to the millisecond; None where the stage ends before its load has built up."""
    if not len(run.schedule):
        return None
    since = float(np.min(run.schedule.due)) + nearest_rank(latency, _PER_MILLE)
    until = float(np.max(run.schedule.due))
    if since >= until:
        return None
    return SteadyWindow(since=_instant(run.began + since), until=_instant(run.began + until))


def _instant(unix: float) -> datetime:
    return datetime.fromtimestamp(round(unix, 3), UTC)
