"""What one stage of a benchmark measured of one objective, with bounds at either end.

Both judging against a limit and comparing with a baseline start from here. Values are in the base units of
`decide.limits`; each bound is wrong with at most the probability asked for.
"""

from __future__ import annotations

from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import Dimension, Metric
from tollgate.api.form import of_tokens
from tollgate.api.objective import Objective
from tollgate.api.verdict import Reason
from tollgate.decide import rate_estimates as rates
from tollgate.decide import spread_estimates as spreads
from tollgate.decide import time_estimates as times
from tollgate.decide import use_estimates as uses
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.estimates import Alpha, Estimate, Loaded, NoEstimate
from tollgate.decide.limits import amortized, currency_price, over_latency
from tollgate.decide.quality import NOT_SCORED, Bounds, calibration_error, f1, mean_score, right_of
from tollgate.measure.cost import CostUnknown


def estimate(o: Objective, stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    """What `stage`, which loaded these pods, says of the objective."""
    match o.dimension:
        case Dimension.LATENCY:
            return times.latency(o, stage, alpha)
        case Dimension.TIME_TO_FIRST_TOKEN | Dimension.TIME_PER_OUTPUT_TOKEN | Dimension.INTER_TOKEN_LATENCY:
            return times.token_time(o, stage, alpha)
        case Dimension.QUEUE_TIME:
            return NoEstimate("live traffic alone tells it")
        case Dimension.VIOLATION_RATE:
            return _violations(o, stage, alpha)
        case Dimension.ERROR_RATE:
            return _proportion(stage.errors, stage.requests, "no request was sent", alpha)
        case Dimension.THROUGHPUT:
            return (
                rates.generated_tokens(stage, alpha) if of_tokens(o.limit) else rates.answered(stage, alpha)
            )
        case Dimension.GOODPUT:
            return rates.goals_met(o, stage, alpha)
        case Dimension.COST:
            return _cost(o, stage, pods, alpha)
        case Dimension.ENERGY:
            return uses.energy(o, stage, pods, alpha)
        case Dimension.MEMORY:
            return uses.memory(stage, "peak_memory")
        case Dimension.GPU_MEMORY:
            return uses.memory(stage, "peak_gpu_memory")
        case Dimension.KV_CACHE:
            return uses.fullest(stage)
        case Dimension.GPU_UTILIZATION:
            return uses.busy_gpus(stage, alpha)
        case Dimension.COMPUTE:
            return uses.compute(o, stage, pods, alpha)
        case Dimension.MODEL_FLOPS_UTILIZATION:
            return uses.flops_utilization(stage, pods, alpha)
        case Dimension.PARAMETERS:
            return uses.parameters(o, pods)
        case Dimension.TOKENS:
            assert o.metric is not None  # the shape of Tokens
            return rates.tokens_of_an_answer(stage, o.metric, alpha)
        case Dimension.CONTEXT_UTILIZATION:
            return uses.context(stage, pods, alpha)
        case Dimension.QUALITY:
            return _quality(o, stage, alpha)
        case Dimension.CALIBRATION_ERROR:
            return _bounded(calibration_error(stage.quality, alpha.low, alpha.high))
        case Dimension.VARIABILITY:
            return spreads.variability(o, stage, alpha)
        case Dimension.EXIT_DEPTH:
            return spreads.exit_depth(stage, alpha)
        case Dimension.EXPERT_IMBALANCE:
            return spreads.imbalance(stage, alpha)
        case Dimension.COLD_START:
            return uses.cold_start(pods)


def _quality(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    if o.metric is Metric.SCORE:
        return _bounded(mean_score(o, stage.quality, alpha.low, alpha.high))
    if o.metric is not None and not o.metric.is_share:
        return _bounded(f1(o, stage.quality, alpha.low, alpha.high))
    found = right_of(o, stage)
    if isinstance(found, str):
        return NoEstimate(found)
    scored, right = found
    return _proportion(right, scored, NOT_SCORED, alpha)


def _bounded(found: Bounds | str) -> Estimate | NoEstimate:
    return NoEstimate(found) if isinstance(found, str) else Estimate(*found)


def _violations(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    over = over_latency(o, stage)
    if isinstance(over, str):
        return NoEstimate(over)
    return _proportion(over, stage.requests, "no request was sent", alpha)


def _proportion(part: int, whole: int, when_none: str, alpha: Alpha) -> Estimate | NoEstimate:
    if whole == 0:
        return NoEstimate(when_none)
    low, _ = proportion_interval(whole, part, alpha.low)
    _, high = proportion_interval(whole, part, alpha.high)
    return Estimate(part / whole, low, high)


def _cost(o: Objective, stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    price = currency_price(o, pods.cost)
    if isinstance(price, CostUnknown):
        return NoEstimate(price.reason, Reason.COST_UNKNOWN)
    rate = rates.units_of(o, stage, alpha.turned)
    if isinstance(rate, NoEstimate):
        return rate
    once = amortized(o)
    if not once:
        return Estimate.exactly(pods.pods * price).over(rate)
    if o.per is not None and o.per.of_requests:
        return Estimate.exactly(pods.pods * price).over(rate).plus(once * o.per.times)
    # Each answer bears its share, whatever it is worth; both rates may be wrong for an end to be wrong.
    rate = rates.units_of(o, stage, alpha.halved.turned)
    assert isinstance(rate, Estimate)  # as before, at another level
    return rates.answered(stage, alpha.halved).times(once).plus(pods.pods * price).over(rate)
