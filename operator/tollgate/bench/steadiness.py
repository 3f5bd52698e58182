"""Whether latency grew throughout a stage, as it does where requests come faster than a server answers them. Pure.

A queue that grows may still be short at the end of a short stage: nearly all requests are in time, and yet no server
holds that rate. So the requests are cut into parts, one after the other, and the mean latencies of the parts are tested
for a trend (H. B. Mann, Econometrica 13, 1945: no law of the latency is assumed). Those of a long queue depend on each
other, which only makes the test quicker to say that a server does not keep up.
"""

from __future__ import annotations

import math

import numpy as np

from tollgate.api import units
from tollgate.bench.records import Outcome, StageRun

_BLOCKS = 20
_BLOCK_REQUESTS = 10
_SURE = 3.09  # standard deviations: one steady server in a thousand


def growth(run: StageRun) -> str:
    """How latency grew, in words; "" when it is not seen to. A failed request has its time-out for latency."""
    latency = np.where(run.outcome == Outcome.ANSWERED, run.ended - run.schedule.due, run.timeout)
    number = min(_BLOCKS, len(latency) // _BLOCK_REQUESTS)
    if number < 2:
        return ""
    means = [float(np.mean(block)) for block in np.array_split(latency, number)]
    if _trend(means) <= _SURE:
        return ""
    first, last = (units.format_duration(mean) for mean in (means[0], means[-1]))
    return f"latency grew all the time, from {first} to {last} on average: the server does not keep up"


def _trend(values: list[float]) -> float:
    """Pairs that ascend less those that descend, in standard deviations if all orders are as likely."""
    n = len(values)
    ordered = np.array(values)
    ascending = int(np.sign(ordered[None, :] - ordered[:, None])[np.triu_indices(n, 1)].sum())
    return (ascending - 1) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
