"""What one stage of a benchmark measured of one objective, with bounds at either end.

Both judging against a limit and comparing with a baseline start from here. Values are in the base units of
`decide.limits`; each bound is wrong with at most the probability asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import gammainccinv, gammaincinv

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.objective import CostPer, Dimension, Objective, Statistic
from tollgate.api.sketch import bin_of_rank
from tollgate.api.transport import read_bins
from tollgate.api.verdict import Reason
from tollgate.decide.certificate import proportion_interval, quantile_ranks
from tollgate.decide.limits import price_per_second
from tollgate.decide.means import Pair, fixed_interval
from tollgate.decide.quality import NOT_SCORED, Bounds, calibration_error, f1, right_of
from tollgate.measure.cost import CostUnknown, PodCost


@dataclass(frozen=True)
class Estimate:
    """A value and its bounds; `high` may be infinite, where the data bound nothing."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class NoEstimate:
    """Why a stage says nothing of an objective; TooFewRequests where a longer one would."""

    why: str
    reason: Reason = Reason.NO_DATA


@dataclass(frozen=True)
class Alpha:
    """Probability with which each bound may be wrong."""

    low: float
    high: float


def estimate(
    o: Objective, stage: StageResult, *, pods: int, cost: PodCost | CostUnknown | None, alpha: Alpha
) -> Estimate | NoEstimate:
    """What `stage`, which loaded so many pods, says of the objective."""
    match o.dimension:
        case Dimension.LATENCY:
            if o.statistic is None or o.statistic is Statistic.MEAN:
                return _mean(stage, alpha)
            return _quantile(stage, o.statistic, alpha)
        case Dimension.ERROR_RATE:
            return _proportion(stage.errors, stage.requests, "no request was sent", alpha)
        case Dimension.QUALITY:
            return _quality(o, stage, alpha)
        case Dimension.CALIBRATION_ERROR:
            return _bounded(calibration_error(stage.quality, alpha.low, alpha.high))
        case Dimension.THROUGHPUT:
            return _answered_rate(stage, alpha)
        case Dimension.COST:
            return _cost(o, stage, pods, cost, alpha)


def _quality(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    if o.metric is not None and not o.metric.is_share:
        return _bounded(f1(o, stage.quality, alpha.low, alpha.high))
    found = right_of(o, stage)
    if isinstance(found, str):
        return NoEstimate(found)
    scored, right = found
    return _proportion(right, scored, NOT_SCORED, alpha)


def _bounded(found: Bounds | str) -> Estimate | NoEstimate:
    return NoEstimate(found) if isinstance(found, str) else Estimate(*found)


def answer_time_blocks(stage: StageResult) -> list[Pair]:
    """Seconds of answering, and answers, of each block of time."""
    return [
        (float(units.parse_duration(block.mean)) * block.requests, float(block.requests))
        for block in stage.blocks
    ]


def _proportion(part: int, whole: int, when_none: str, alpha: Alpha) -> Estimate | NoEstimate:
    if whole == 0:
        return NoEstimate(when_none)
    low, _ = proportion_interval(whole, part, alpha.low)
    _, high = proportion_interval(whole, part, alpha.high)
    return Estimate(part / whole, low, high)


def _mean(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Mean latency of the answered requests; the spread is that of blocks of time, as neighbours share a queue."""
    pairs = answer_time_blocks(stage)
    interval = fixed_interval(pairs, alpha_low=alpha.low, alpha_high=alpha.high)
    if interval is None:
        why = f"{len(pairs)} blocks of time do not show the spread of a mean"
        return NoEstimate(why, Reason.TOO_FEW_REQUESTS)
    return Estimate(interval.value, max(0.0, interval.low), interval.high)


def _quantile(stage: StageResult, statistic: Statistic, alpha: Alpha) -> Estimate:
    """The nearest-rank quantile, bounded by order statistics and by the bins of the sketch that hold them."""
    value = float(units.parse_duration(getattr(stage.quantiles, statistic.value.lower())))
    bins = read_bins(stage.sketch)
    n = sum(count for _, count in bins)
    tail = statistic.tail
    assert tail is not None
    q = float(1 - tail)
    low_rank, _ = quantile_ranks(n, q, alpha.low)
    _, high_rank = quantile_ranks(n, q, alpha.high)
    growth = float(stage.sketch.growth)
    low = 0.0 if low_rank == 0 else growth ** (bin_of_rank(bins, low_rank) - 1) * 1e-6
    high = math.inf if high_rank > n else growth ** bin_of_rank(bins, high_rank) * 1e-6
    return Estimate(value, min(low, value), max(high, value))


def _answered_rate(stage: StageResult, alpha: Alpha) -> Estimate:
    """Good answers per second."""
    return _rate_of(stage.requests - stage.errors, stage, alpha)


def _rate_of(some: int, stage: StageResult, alpha: Alpha) -> Estimate:
    """So many of the good answers per second, bounded as a Poisson count (Garwood, 1936).

    That is right for Poisson arrivals and wide for constant ones. The blocks are not used: of these, empty ones are
    left out, and so are others where the result would not fit.
    """
    answered = stage.requests - stage.errors
    rate = float(units.parse_rate(stage.answered_rate))
    seconds = answered / rate if rate > 0 else float(units.parse_duration(stage.seconds))
    low = float(gammaincinv(some, alpha.low)) if some else 0.0
    return Estimate(some / seconds, low / seconds, float(gammainccinv(some + 1, alpha.high)) / seconds)


_NONE_PAID_FOR = {
    CostPer.REQUEST: "no request was answered",
    CostPer.THOUSAND_REQUESTS: "no request was answered",
    CostPer.CORRECT_ANSWER: "no answer was right",
    CostPer.ACCEPTED_OUTCOME: "no outcome was accepted",
}


def _paid_for(o: Objective, stage: StageResult) -> int | str:
    """How many answers there are of the kind that a cost is for; or why nobody knows."""
    if o.per is CostPer.ACCEPTED_OUTCOME:
        if stage.accepted is None:
            return "accepted outcomes were not counted: set accepted in the profile and measure again"
        return stage.accepted
    if o.per is CostPer.CORRECT_ANSWER:
        if stage.scored < stage.requests:
            return (
                f"only {stage.scored:,} of {stage.requests:,} requests have an expected output, so how many answers "
                "are right is not known: give every item of the dataset one"
            )
        return stage.correct
    return stage.requests - stage.errors


def _cost(
    o: Objective, stage: StageResult, pods: int, cost: PodCost | CostUnknown | None, alpha: Alpha
) -> Estimate | NoEstimate:
    price = price_per_second(o, cost)
    if isinstance(price, CostUnknown):
        return NoEstimate(price.reason, Reason.COST_UNKNOWN)
    assert o.per is not None  # the shape of a cost
    wanted = _paid_for(o, stage)
    if isinstance(wanted, str):
        return NoEstimate(wanted)
    rate = _rate_of(wanted, stage, Alpha(low=alpha.high, high=alpha.low))
    if rate.low <= 0 or rate.value <= 0:
        return NoEstimate(f"{_NONE_PAID_FOR[o.per]}, so what one costs is not known")
    spent = pods * price
    return Estimate(spent / rate.value, spent / rate.high, spent / rate.low)
