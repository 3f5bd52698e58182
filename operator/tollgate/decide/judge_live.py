"""Live traffic against each objective, as often as one likes.

Tails and error rates by the evidence of their counts, means and cost by an anytime-valid interval over blocks of
time. What a benchmark alone can tell is `NotJudgedHere`. A pod that ought to be scraped and is not keeps everything
from being Within: the missing requests may be the slow ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from tollgate.api.dimension import SERIES_OF_TIMES
from tollgate.api.evidence import CountedOf
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.detector import level, mean_days
from tollgate.decide.levels import Levels, counted_live, judged_live, live_levels
from tollgate.decide.limits import allowed_fraction, inconclusive, live_tail
from tollgate.decide.live_mean import judge_cost, judge_mean
from tollgate.decide.live_proportion import judge_proportion
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.counts import LiveCounts
from tollgate.measure.histogram import Bracket

NOTHING_TIMED: Mapping[Dimension, LiveCounts] = MappingProxyType({})

_SHARED_BY_VERSIONS = (
    "the series of the MetricProfile are those of the whole Service, behind which there are several versions now, and "
    "do not tell these apart: refer to a MetricProfile with the pods' own series, or rely on the benchmark with "
    "canary.onInconclusive: Promote"
)
_SHARED_BY_PODS = (
    "the series of the MetricProfile are those of the whole Service and tell nothing of its pods, so what they cost is "
    "not known: refer to a MetricProfile with the pods' own series"
)


def judge_live(
    objectives: Sequence[Objective],
    live: LiveCounts,
    *,
    alpha: float,
    cost: PodCost | CostUnknown | None = None,
    reference_rate_per_pod: float | None = None,
    previous: Sequence[ObjectiveResult] = (),
    starts: Mapping[str, float] | None = None,
    timed: Mapping[Dimension, LiveCounts] = NOTHING_TIMED,
) -> list[ObjectiveResult]:
    """One result an objective, in their order.

    `timed` has the counts of the dimensions whose times have a series of their own in the MetricProfile.

    `alpha` is the budget's; `cost` is of one pod; `reference_rate_per_pod` is the load, in requests per second, at
    which the benchmark certified the cost. A Breach in `previous` stands as long as its limit does. `starts` is given
    for a window of what serves: what the evidence of each objective begins with.
    """
    levels = live_levels(objectives, alpha, timed)
    standing = {(r.name, r.limit): r for r in previous if r.verdict is Verdict.BREACH}
    results = []
    for o in objectives:
        own = (
            levels if starts is None else Levels(level(levels.breach, starts.get(o.name, 1.0)), levels.within)
        )
        of_it = timed.get(o.dimension) if o.dimension in SERIES_OF_TIMES else live
        result = standing.get((o.name, o.limit)) or _judge(
            o, live, of_it, own, cost, reference_rate_per_pod, serves=starts is not None
        )
        results.append(result if starts is None else _with_false_alarms(result, alpha))
    return results


def _with_false_alarms(result: ObjectiveResult, alpha: float) -> ObjectiveResult:
    """A Breach while serving that says how rarely chance alone would be called one."""
    if result.verdict is not Verdict.BREACH:
        return result
    rarely = (
        f"{result.message} (at its limit it is called so by chance once in {mean_days(alpha)} days or rarer)"
    )
    return result.model_copy(update={"message": rarely[:1024]})


def metrics_unavailable(
    objectives: Sequence[Objective],
    why: str,
    previous: Sequence[ObjectiveResult] = (),
    timed: Collection[Dimension] = (),
) -> list[ObjectiveResult]:
    """The results while Prometheus does not answer: no verdict, but a Breach in `previous` stands.

    `timed` are the dimensions whose times have a series of their own.
    """
    standing = {(r.name, r.limit): r for r in previous if r.verdict is Verdict.BREACH}
    return [
        standing.get((o.name, o.limit))
        or (
            inconclusive(o, Reason.METRICS_UNAVAILABLE, f"Prometheus gave no data: {why}")
            if counted_live(o, timed)
            else _elsewhere(o)
        )
        for o in objectives
    ]


def _judge(
    o: Objective,
    whole: LiveCounts,
    live: LiveCounts | None,
    levels: Levels,
    cost: PodCost | CostUnknown | None,
    reference_rate: float | None,
    *,
    serves: bool,
) -> ObjectiveResult:
    """`live` are the counts that tell of it, if any do; `whole` those of all requests."""
    if not judged_live(o) or live is None:
        return _elsewhere(o)
    if whole.counted_of is CountedOf.SEVERAL_VERSIONS:
        return inconclusive(o, Reason.SHARED_SERIES, _SHARED_BY_VERSIONS)
    if o.dimension is Dimension.ERROR_RATE and not live.errors_asked:
        return inconclusive(
            o, Reason.NOT_JUDGED_HERE, "the MetricProfile names no error counter: add errors to it"
        )
    missing = _missing(o, live)
    if missing:
        return inconclusive(o, *missing)
    if o.dimension is Dimension.COST:
        result = judge_cost(o, live, levels, cost, reference_rate)
    elif allowed_fraction(o) is None:
        result = judge_mean(o, live, levels)
    else:
        result = judge_proportion(o, live, levels, serves)
    return _of_all_pods(result, live)


def unfit(o: Objective, live: LiveCounts) -> tuple[Reason, str] | None:
    """What keeps the objective from being judged on these pods, or on all of them; None when nothing does."""
    return _missing(o, live) or _incomplete(live)


def _missing(o: Objective, live: LiveCounts) -> tuple[Reason, str] | None:
    """What keeps the objective from being judged at all, and what to do; None when nothing does."""
    of_errors = o.dimension is Dimension.ERROR_RATE
    field = SERIES_OF_TIMES.get(o.dimension, "latency")
    if of_errors and live.requests_missing:
        return _not_seen("requests", live)
    if not live.pods and not (of_errors and live.total.attempts):
        return _not_seen(field, live)
    if of_errors and not live.errors_seen:
        return (
            Reason.SERIES_MISSING,
            "no error counter was found: check errors in the MetricProfile, or export it from 0 on",
        )
    if o.dimension is Dimension.COST and live.counted_of is CountedOf.SERVICE:
        return Reason.SHARED_SERIES, _SHARED_BY_PODS
    if (live.total.attempts if of_errors else live.total.requests) == 0:
        return _nothing_counted(live)
    limit = live_tail(o)
    if limit is not None and live.brackets.get(limit) == Bracket(None, None):
        return (
            Reason.MEAN_ONLY,
            f"the series of {field} has a _count but no buckets, so no percentile can be judged: name a histogram, or "
            "limit the Mean",
        )
    of_times = o.dimension is Dimension.LATENCY or o.dimension in SERIES_OF_TIMES
    if of_times and limit is None and not live.sums_seen:
        return (
            Reason.SERIES_MISSING,
            f"the histogram of {field} has no sum, or one that is NaN, and without it there is no mean: export _sum, "
            "or limit a percentile",
        )
    return None


def _nothing_counted(live: LiveCounts) -> tuple[Reason, str]:
    if live.total.pod_seconds:
        return Reason.NO_TRAFFIC, "no requests reached these pods in this window: check that traffic does"
    return (
        Reason.TOO_FEW_SCRAPES,
        "these pods were scraped once in this window: counting begins with the second scrape",
    )


def _not_seen(field: str, live: LiveCounts) -> tuple[Reason, str]:
    """Why there is nothing of the series that the MetricProfile names under `field`."""
    if live.garbled:
        return Reason.INVALID_SAMPLES, _garbled(live)
    if live.scraped:
        return (
            Reason.SERIES_MISSING,
            f"Prometheus scrapes these pods, but they have no series as in {field} of the MetricProfile: check its "
            "name, matchers and type. Some servers export it with the first request only",
        )
    return (
        Reason.PODS_NOT_SCRAPED,
        "Prometheus has nothing of these pods: check that it scrapes them, and labels in the MetricProfile",
    )


def _of_all_pods(result: ObjectiveResult, live: LiveCounts) -> ObjectiveResult:
    """A result that is no pass while pods are missing. What the others did is enough for a Breach."""
    incomplete = _incomplete(live)
    if result.verdict is Verdict.BREACH or incomplete is None:
        return result
    reason, why = incomplete
    return result.model_copy(
        update={
            "verdict": Verdict.INCONCLUSIVE,
            "reason": reason,
            "message": f"{why}. So far: {result.message}"[:1024],
            "enough": False,
        }
    )


def _incomplete(live: LiveCounts) -> tuple[Reason, str] | None:
    """Why some pods are missing in the counts; None when none is."""
    if live.silent:
        return (
            Reason.PODS_NOT_SCRAPED,
            f"Prometheus has had no sample of {_named(live.silent)} for {STALE_SCRAPES} scrape intervals: check that "
            "it scrapes every pod, and scrapeIntervalSeconds in the MetricProfile",
        )
    return (Reason.INVALID_SAMPLES, _garbled(live)) if live.garbled else None


def _garbled(live: LiveCounts) -> str:
    return (
        f"the metrics of {_named(live.garbled)} cannot be read, as their values are NaN, negative or those of no "
        "histogram: check what the pods export, and latency.type in the MetricProfile"
    )


def _named(pods: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    few, more = pods[:3], len(pods) - 3
    return ", ".join(few) + (f" and {more} more" if more > 0 else "")


def _elsewhere(o: Objective) -> ObjectiveResult:
    what = str(o.dimension) + (f" per {o.per}" if o.per else "") + (f" in stage {o.stage}" if o.stage else "")
    said = f"{what} is judged by the benchmark" if o.shape.benchmark else f"{what} is not judged"
    if o.dimension in SERIES_OF_TIMES and not o.stage:
        field = SERIES_OF_TIMES[o.dimension]
        said += f": to have it judged in live traffic, name its series as {field} in the MetricProfile"
    return inconclusive(o, Reason.NOT_JUDGED_HERE, said)
