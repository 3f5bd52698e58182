"""Whether the client, not the server, was the limit of a stage. Pure.

Latency runs from the time at which a request was due, so a slow client makes a server look slower, never faster,
and a load that was not offered proves nothing. Either way the stage cannot be held against, or for, the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tollgate.api import units
from tollgate.bench.records import StageRun

_LEAST_SENT = 0.98  # of the requests, while the stage lasts
_LEAST_TOLERANCE = 0.005  # seconds: what a busy node with few cores does to any process now and then
_SHARE_OF_LIMIT = 0.05  # a delay of so much of the tightest limit does not decide about it
_MOST_CPU = 0.9  # of a core: a loop that is never idle cannot see an answer when it comes
_LONG_ENOUGH = 1.0  # seconds of schedule: in less, what a process does once weighs too much
_LAG_FACTOR = 2  # what makes the loop late makes the requests late: alone, it must be plain to see


def client_limited(run: StageRun, limits: Sequence[float]) -> str:
    """Why the client was the limit, empty when it was not. Limits are the latencies judged, in seconds."""
    tolerance = max(_LEAST_TOLERANCE, _SHARE_OF_LIMIT * min(limits, default=0.0))
    reasons = list(_reasons(run, tolerance))
    if reasons and run.throttled > 0:
        throttled = units.format_duration(run.throttled)
        reasons.append(
            f"its CPU limit kept it from running for {throttled}: raise resources.cpu of the profile"
        )
    return "; ".join(reasons)


def schedule_delay_p99(run: StageRun) -> float:
    """How late requests were sent, in seconds, at the 99th percentile; one never sent is late by its time-out."""
    delay = np.where(np.isnan(run.sent), run.timeout, run.sent - run.schedule.due)
    return nearest_rank(delay, 990)


def nearest_rank(values: ArrayLike, per_mille: int) -> float:
    """The smallest value that at least so many thousandths of the values do not exceed. No values: 0."""
    ordered = np.sort(np.asarray(values, dtype=float))
    if not len(ordered):
        return 0.0
    return float(ordered[-(-per_mille * len(ordered) // 1000) - 1])


def _reasons(run: StageRun, tolerance: float) -> Iterator[str]:
    if run.lost:
        yield f"{len(run.lost)} of {run.workers} workers were lost: {', '.join(run.lost)}"
    requests = len(run.schedule)
    in_time = int(np.count_nonzero(run.sent <= run.schedule.span + tolerance))
    if in_time < _LEAST_SENT * requests:
        yield f"only {in_time} of {requests} requests were sent while the stage lasted"
    if run.held:
        yield f"{run.held} requests had to wait, as too many were without an answer"
    if run.starved:
        yield f"{run.starved} requests failed as no socket or port was left for them"
    if (delay := schedule_delay_p99(run)) > tolerance:
        yield f"requests were sent late: 99th percentile {_text(delay)}, allowed {_text(tolerance)}"
    if (lag := nearest_rank(run.lags, 990)) > (allowed := _LAG_FACTOR * tolerance):
        yield f"the event loop ran late: 99th percentile {_text(lag)}, allowed {_text(allowed)}"
    if run.cpu > _MOST_CPU and run.schedule.span >= _LONG_ENOUGH:
        yield f"it used {run.cpu:.0%} of the core that one process can use, allowed {_MOST_CPU:.0%}"


def _text(seconds: float) -> str:
    return units.format_duration(seconds, digits=3)
