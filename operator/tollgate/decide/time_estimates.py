"""Latency and the times of tokens: means from blocks of time, percentiles from ranks, counts over a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tollgate.api import units
from tollgate.api.answers import TokenTimes
from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import Dimension, Statistic
from tollgate.api.objective import Objective
from tollgate.api.sketch import Sketch, bin_of_rank
from tollgate.api.transport import read_bins
from tollgate.api.verdict import Reason
from tollgate.decide.certificate import quantile_ranks
from tollgate.decide.estimates import Alpha, Estimate, NoEstimate
from tollgate.decide.means import MIN_FIXED_BLOCKS, Pair, fixed_interval

NOT_STREAMED = "no answer was streamed: token times need an OpenAI protocol with stream"


def latency(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Of whole answers."""
    if o.statistic is None or o.statistic is Statistic.MEAN:
        return _mean(stage, alpha)
    return quantile(stage, o.statistic, alpha)


def answer_time_blocks(stage: StageResult) -> list[Pair]:
    """Seconds of answering, and answers, of each block of time."""
    return [
        (float(units.parse_duration(block.mean)) * block.requests, float(block.requests))
        for block in stage.blocks
    ]


def _mean(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Mean latency of the answered requests; the spread is that of blocks of time, as neighbours share a queue."""
    pairs = answer_time_blocks(stage)
    interval = fixed_interval(pairs, alpha_low=alpha.low, alpha_high=alpha.high)
    if interval is None:
        why = f"{len(pairs)} blocks of time do not show the spread of a mean"
        return NoEstimate(why, Reason.TOO_FEW_REQUESTS)
    return Estimate(interval.value, max(0.0, interval.low), interval.high)


def quantile(stage: StageResult, statistic: Statistic, alpha: Alpha) -> Estimate:
    """The nearest-rank quantile, bounded by order statistics and by the bins of the sketch that hold them."""
    value = float(units.parse_duration(getattr(stage.quantiles, statistic.value.lower())))
    n = sum(count for _, count in read_bins(stage.sketch))
    return _within_bins(value, stage.sketch, n, statistic, alpha)


def _within_bins(value: float, sketch: Sketch, n: int, statistic: Statistic, alpha: Alpha) -> Estimate:
    """Bounds by the ranks of `n` independent times, of which the sketch may hold more."""
    bins = read_bins(sketch)
    held = sum(count for _, count in bins)
    tail = statistic.tail
    assert tail is not None
    low_rank, _ = quantile_ranks(n, float(1 - tail), alpha.low)
    _, high_rank = quantile_ranks(n, float(1 - tail), alpha.high)
    growth, each = float(sketch.growth), held / n if n else 1.0
    low, high = 0.0, math.inf
    if low_rank:
        low = growth ** (bin_of_rank(bins, max(1, math.floor(low_rank * each))) - 1) * 1e-6
    if high_rank <= n:
        high = growth ** bin_of_rank(bins, min(held, math.ceil(high_rank * each))) * 1e-6
    return Estimate(value, min(low, value), max(high, value))


def token_time(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """A time of tokens: its mean, or a percentile."""
    seen = _times(o, stage)
    if isinstance(seen, NoEstimate):
        return seen
    if o.statistic is None or o.statistic is Statistic.MEAN:
        if seen.blocks < MIN_FIXED_BLOCKS or not seen.error:
            why = f"{seen.blocks} blocks of time do not show the spread of a mean"
            return NoEstimate(why, Reason.TOO_FEW_REQUESTS)
        mean = float(units.parse_duration(seen.mean))
        return Estimate.student(mean, float(seen.error) * mean, seen.blocks - 1, alpha)
    if seen.sketch is None or not seen.sketch.bins:
        return NoEstimate("the distribution did not fit into the result: use fewer stages")
    bins = read_bins(seen.sketch)
    value = float(seen.sketch.growth) ** bin_of_rank(bins, _rank(o.statistic, bins)) * 1e-6
    told = getattr(seen, o.statistic.value.lower(), "")
    if told:
        value = float(units.parse_duration(told))
    held = sum(count for _, count in bins)
    streams = stage.stream.streams if stage.stream else held
    # The times of one stream are of one answer: as evidence, a stream counts once.
    n = min(held, streams) if o.dimension is Dimension.INTER_TOKEN_LATENCY else held
    return _within_bins(value, seen.sketch, n, o.statistic, alpha)


def _rank(statistic: Statistic, bins: list[tuple[int, int]]) -> int:
    assert statistic.tail is not None
    n = sum(count for _, count in bins)
    return max(1, math.ceil(n * float(1 - statistic.tail)))


def _times(o: Objective, stage: StageResult) -> TokenTimes | NoEstimate:
    if stage.stream is None:
        return NoEstimate(NOT_STREAMED)
    found: TokenTimes | None = {
        Dimension.TIME_TO_FIRST_TOKEN: stage.stream.time_to_first_token,
        Dimension.TIME_PER_OUTPUT_TOKEN: stage.stream.time_per_output_token,
        Dimension.INTER_TOKEN_LATENCY: stage.stream.inter_token_latency,
    }[o.dimension]
    return found or NoEstimate("no answer had two tokens in two chunks")


@dataclass(frozen=True)
class Over:
    """Of `n` independent requests, the least and the most that are over the limit."""

    n: int
    least: int
    most: int


def tokens_over(o: Objective, stage: StageResult) -> Over | str:
    """How many times of tokens are over the limit; or why nobody knows."""
    if stage.stream is None:
        return NOT_STREAMED
    limit = units.parse_duration(o.limit)
    found = next(
        (
            one
            for one in stage.stream.over_limit
            if one.time == o.dimension and units.parse_duration(one.limit) == limit
        ),
        None,
    )
    if found is None:
        return f"times over {o.limit} were not counted: measure again with this limit"
    return Over(found.of, found.least, found.most) if found.of else "no answer had such a time"
