"""Mean latency and cost of live traffic: an anytime-valid interval over blocks of time."""

from __future__ import annotations

from tollgate.api import units
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.levels import Levels
from tollgate.decide.limits import (
    amortized,
    count,
    counted_noun,
    inconclusive,
    limit_value,
    price_per_second,
    show,
)
from tollgate.decide.means import MIN_LIVE_BLOCKS, REQUESTS_PER_BLOCK, Interval, Pair, sequence_interval
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.counts import LiveCounts

_LOW_LOAD = 0.8
"""Below this part of the load at which the cost was certified, a high cost says little about the version."""


def judge_mean(o: Objective, live: LiveCounts, levels: Levels) -> ObjectiveResult:
    blocks: list[Pair] = [
        (block.latency_sum, float(block.requests)) for block in live.merged(REQUESTS_PER_BLOCK)
    ]
    interval = sequence_interval(blocks, alpha_low=levels.breach, alpha_high=levels.within)
    value = interval.value if interval else live.total.latency_sum / live.total.requests
    return _judge_interval(o, value, interval, len(blocks), live.total.requests)


def judge_cost(
    o: Objective,
    live: LiveCounts,
    levels: Levels,
    cost: PodCost | CostUnknown | None,
    reference_rate: float | None,
) -> ObjectiveResult:
    price = price_per_second(o, cost)
    if isinstance(price, CostUnknown):
        return inconclusive(o, Reason.COST_UNKNOWN, price.reason)
    once = amortized(o) * (o.per.times if o.per else 1)
    blocks: list[Pair] = [
        (block.pod_seconds * price + block.requests * once, float(block.requests))
        for block in live.merged(REQUESTS_PER_BLOCK)
    ]
    interval = sequence_interval(blocks, alpha_low=levels.breach, alpha_high=levels.within)
    value = interval.value if interval else live.total.pod_seconds * price / live.total.requests + once
    result = _judge_interval(o, value, interval, len(blocks), live.total.requests)
    # Less load makes each request dearer whatever the version, so at low load only Within means anything.
    low_load = _low_load(live, reference_rate)
    if result.verdict is Verdict.WITHIN or not low_load:
        at = f"{result.message} (at {units.format_rate(live.rate_per_pod)} to a pod)"
        return result.model_copy(update={"message": at})
    return result.model_copy(
        update={
            "verdict": Verdict.INCONCLUSIVE,
            "reason": Reason.LOW_LOAD,
            "message": f"{result.observed}, but {low_load}",
            "enough": False,
        }
    )


def _low_load(live: LiveCounts, reference_rate: float | None) -> str:
    """Why the load is too low, or not known to be high enough, to blame the version; empty when it is not."""
    if reference_rate is None:
        return "no benchmark says at which load the cost must hold"
    if len(live.blocks) < STALE_SCRAPES or live.rate_per_pod >= _LOW_LOAD * reference_rate:
        return ""
    return (
        f"at {units.format_rate(live.rate_per_pod)} to a pod, below {_LOW_LOAD:.0%} of the "
        f"{units.format_rate(reference_rate)} of the benchmark: use fewer pods, or wait for more load"
    )


def _judge_interval(
    o: Objective, value: float, interval: Interval | None, blocks: int, requests: int
) -> ObjectiveResult:
    """Judge a mean by its interval: Breach above the limit, Within below it."""
    limit = limit_value(o)
    if interval is None:
        wanted = count(MIN_LIVE_BLOCKS * REQUESTS_PER_BLOCK, counted_noun(o))
        so_far = f"{show(o, value)} in {count(requests, counted_noun(o))}"
        return ObjectiveResult(
            name=o.name,
            verdict=Verdict.INCONCLUSIVE,
            reason=Reason.TOO_FEW_REQUESTS,
            message=f"{so_far}, at most {o.limit} allowed: too few to tell, a mean needs about {wanted} ({blocks} of "
            f"{MIN_LIVE_BLOCKS} blocks are full)",
            limit=o.limit,
            observed=show(o, value),
            requests=requests,
        )
    verdict = Verdict.INCONCLUSIVE
    if interval.low > limit:
        verdict = Verdict.BREACH
    elif interval.high <= limit:
        verdict = Verdict.WITHIN
    low, high = show(o, max(0.0, interval.low)), show(o, interval.high)
    seen = (
        f"{show(o, value)} ({low} to {high}) in {count(requests, counted_noun(o))}, at most {o.limit} allowed"
    )
    undecided = verdict is Verdict.INCONCLUSIVE
    return ObjectiveResult(
        name=o.name,
        verdict=verdict,
        reason=Reason.TOO_FEW_REQUESTS if undecided else None,
        message=f"{seen}: too few {counted_noun(o)}s to tell" if undecided else seen,
        limit=o.limit,
        observed=show(o, value),
        low=low,
        high=high,
        requests=requests,
        enough=interval.value - interval.low <= 0.5 * limit,  # a mean of 1.5 times the limit would show
    )
