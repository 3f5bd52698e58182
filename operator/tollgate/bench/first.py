"""The first requests that the targets were sent: what a cold server makes of them. Pure."""

from __future__ import annotations

import numpy as np

from tollgate.api import units
from tollgate.api.cold_start import FirstRequests
from tollgate.bench.audit import nearest_rank
from tollgate.bench.records import Outcome, StageRun


def first_requests(run: StageRun, targets: int, each: int) -> FirstRequests:
    """The first `each` to each of the targets, which are loaded in turn; `run` is the first stage."""
    first = slice(0, targets * each)
    good = run.outcome[first] == Outcome.ANSWERED
    latency = np.where(good, run.ended[first] - run.schedule.due[first], run.timeout)
    return FirstRequests(
        requests=len(good),
        errors=int(np.count_nonzero(~good)),
        median=units.format_duration(nearest_rank(latency, 500)),
        worst=units.format_duration(float(np.max(latency))),
    )
