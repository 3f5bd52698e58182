"""The evidence against what serves, carried from window to window: false alarms are rare however long it serves.

What served well for a day would hide a breach for hours in one long test, so the test begins anew with each window of
time. By itself that would make a service at its limit a Breach in one window or another. So each window k of the
objective's evidence M begins with less than 1:

    R_k = (w_k + R_(k-1)) M_k,   a Breach once (w_k + R_(k-1)) M_k(t) >= 1/alpha in the window,   R = 0 after it

with w_k the length, in days, of the window before, and w_1 = 1 (Shiryaev and Roberts' recursion as an e-detector: Shin,
Ramdas, Rinaldo, "E-detectors", New England Journal of Statistics in Data Science 2024, weighted by time). Within a
window M_k is at most 1 on average where nothing is wrong, so R_k less the days that went by is a supermartingale: a
service at its limit is called a Breach by chance within t days with probability at most (1 + t) alpha, and after
1/alpha - 1 days or more on average. What is seen in one window is not forgotten in the next.
Means and cost have an interval and no M: theirs is the level w_k alpha, with the same guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from tollgate.api.objective import Objective
from tollgate.api.release import BudgetStatus, Carried, Detector
from tollgate.api.verdict import ObjectiveResult, Verdict

DAY_SECONDS = 86_400

_FIRST = 1.0
"""What the first window begins with: a new version is judged by no less than the whole level."""

_MOST = 0.2
"""Whatever is carried, a Breach takes evidence of the window itself: as much as this level asks."""

_ROUNDING = 0.0005
"""By so much of itself an evidence of four digits, as it is in a result, may be too large."""


def starts(status: BudgetStatus, objectives: Sequence[Objective]) -> dict[str, float]:
    """What the evidence of each objective begins with in the present window, rounded down to one digit.

    Rounded, as what is worked out for a level is kept.
    """
    return {o.name: one_digit(sum(_start(status, o))) for o in objectives}


def level(alpha: float, start: float) -> float:
    """The level of a window's own test, if its evidence begins with `start`."""
    return min(alpha * start, max(alpha, _MOST))


def next_window(
    status: BudgetStatus,
    objectives: Iterable[Objective],
    results: Iterable[ObjectiveResult],
    alpha: float,
    now: datetime,
) -> Detector:
    """What the window that begins now begins with; `results` are of the one that ends, `alpha` is the budget's."""
    assert status.serving_since is not None
    days = min(1.0, (now - status.serving_since).total_seconds() / DAY_SECONDS)
    found = {result.name: result for result in results}
    carried = []
    for o in objectives:
        given, before = _start(status, o)
        result = found.get(o.name)
        if result is not None and result.verdict is Verdict.BREACH:
            continue
        if result is not None and result.evidence_breach:
            log = float(result.evidence_breach)
            before = min((given + before) * math.exp(log - _ROUNDING * abs(log)), 1 / alpha)
        if before >= days / 100:
            carried.append(Carried(name=o.name, statistic=o.statistic, limit=o.limit, evidence=_text(before)))
    return Detector(since=now, given=_text(days), carried=carried)


def mean_days(alpha: float) -> int:
    """Days, at least, until a service at its limits is called a Breach by chance, on average."""
    return math.floor(1 / alpha - 1 + 1e-9)


def _start(status: BudgetStatus, o: Objective) -> tuple[float, float]:
    """w and R of the present window. What was found against another limit says nothing."""
    detector = status.detector
    if detector is None or detector.since != status.serving_since:
        return _FIRST, 0.0
    judged = (o.name, o.statistic, o.limit)
    carried = (c.evidence for c in detector.carried if (c.name, c.statistic, c.limit) == judged)
    return float(detector.given), float(next(carried, 0))


def one_digit(value: float) -> float:
    """Rounded down to one significant digit."""
    return float(_text(value, 1))


def _text(value: float, digits: int = 4) -> str:
    """So many digits, rounded down."""
    size = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return f"{math.floor(value / size * (1 + 1e-12)) * size:.{digits - 1}e}"
