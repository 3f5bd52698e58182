"""Live traffic against each objective, as often as one likes.

Tails and error rates by the evidence of their counts, means and cost by an anytime-valid interval over blocks of
time. What a benchmark alone can tell is `NotJudgedHere`. A pod that ought to be scraped and is not keeps everything
from being Within: the missing requests may be the slow ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.levels import LIVE, Levels, live_levels
from tollgate.decide.limits import allowed_fraction, inconclusive
from tollgate.decide.live_mean import judge_cost, judge_mean
from tollgate.decide.live_proportion import judge_proportion
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.counts import LiveCounts


def judge_live(
    objectives: Sequence[Objective],
    live: LiveCounts,
    *,
    alpha: float,
    cost: PodCost | CostUnknown | None = None,
    reference_rate_per_pod: float | None = None,
    previous: Sequence[ObjectiveResult] = (),
) -> list[ObjectiveResult]:
    """One result an objective, in their order.

    `alpha` is the budget's; `cost` is of one pod; `reference_rate_per_pod` is the load, in requests per second, at
    which the benchmark certified the cost. A Breach in `previous` stands as long as its limit does.
    """
    levels = live_levels(objectives, alpha)
    standing = {(r.name, r.limit): r for r in previous if r.verdict is Verdict.BREACH}
    return [
        standing.get((o.name, o.limit)) or _judge(o, live, levels, cost, reference_rate_per_pod)
        for o in objectives
    ]


def metrics_unavailable(
    objectives: Sequence[Objective], why: str, previous: Sequence[ObjectiveResult] = ()
) -> list[ObjectiveResult]:
    """The results while Prometheus does not answer: no verdict, but a Breach in `previous` stands."""
    standing = {(r.name, r.limit): r for r in previous if r.verdict is Verdict.BREACH}
    return [
        standing.get((o.name, o.limit))
        or (
            inconclusive(o, Reason.METRICS_UNAVAILABLE, f"Prometheus gave no data: {why}")
            if o.dimension in LIVE
            else _elsewhere(o)
        )
        for o in objectives
    ]


def _judge(
    o: Objective,
    live: LiveCounts,
    levels: Levels,
    cost: PodCost | CostUnknown | None,
    reference_rate: float | None,
) -> ObjectiveResult:
    if o.dimension not in LIVE:
        return _elsewhere(o)
    if o.dimension is Dimension.ERROR_RATE and not live.errors_asked:
        return inconclusive(
            o, Reason.NOT_JUDGED_HERE, "the MetricProfile names no error counter: add errors to it"
        )
    missing = _missing(o, live)
    if missing:
        return inconclusive(o, Reason.NO_DATA, missing)
    if o.dimension is Dimension.COST:
        result = judge_cost(o, live, levels, cost, reference_rate)
    elif allowed_fraction(o) is None:
        result = judge_mean(o, live, levels)
    else:
        result = judge_proportion(o, live, levels)
    return _without_silent_pods(result, live)


def _missing(o: Objective, live: LiveCounts) -> str:
    """What keeps the objective from being judged at all, as a sentence; empty when nothing does."""
    if not live.pods:
        return (
            "Prometheus has no latency histogram of these pods: check that it scrapes them, and the series and "
            "labels of the MetricProfile"
        )
    if o.dimension is Dimension.ERROR_RATE:
        if not live.errors_seen:
            return "no error counter was found: check errors in the MetricProfile, or export it from 0 on"
        if live.total.attempts == 0:
            return "no requests were counted in this window: check requests in the MetricProfile, and the traffic"
    elif live.total.requests == 0:
        return "no requests reached these pods in this window: check that traffic does"
    if allowed_fraction(o) is None and o.dimension is Dimension.LATENCY and not live.sums_seen:
        return "the latency histogram has no _sum series, without which there is no mean"
    return ""


def _without_silent_pods(result: ObjectiveResult, live: LiveCounts) -> ObjectiveResult:
    """A result that is no pass while pods are silent. What the others did is enough for a Breach."""
    if not live.silent or result.verdict is Verdict.BREACH:
        return result
    few, more = live.silent[:3], len(live.silent) - 3
    named = ", ".join(few) + (f" and {more} more" if more > 0 else "")
    return result.model_copy(
        update={
            "verdict": Verdict.INCONCLUSIVE,
            "reason": Reason.NO_DATA,
            "message": f"Prometheus has had no sample of {named} for {STALE_SCRAPES} scrape intervals: check that "
            f"it scrapes every pod. So far: {result.message}"[:1024],
            "enough": False,
        }
    )


def _elsewhere(o: Objective) -> ObjectiveResult:
    return inconclusive(o, Reason.NOT_JUDGED_HERE, f"{o.dimension} is judged by the benchmark")
