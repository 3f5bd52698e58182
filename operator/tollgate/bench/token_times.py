"""When the tokens of streamed answers came: distributions, means with their errors, counts over limits, goals. Pure.

time per output token = (last token - first token) / (tokens - 1), as vLLM, inference-perf and MLPerf define it: the
first token is not in it, nor what comes after the last one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.answers import StreamResult, TokenTimes
from tollgate.api.counting import Goal, GoalMet, TokenLimit, TokensOver
from tollgate.bench.audit import nearest_rank
from tollgate.bench.histogram import TimeHistogram
from tollgate.bench.records import StageRun
from tollgate.bench.sketch import sketch, sketch_of
from tollgate.bench.told import Told

_PER_MILLE = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "max": 1000}

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Times:
    """An element per request: which were answered, streamed, timed; their times, in seconds, where they have one."""

    good: Bools
    streamed: Bools
    timed: Bools
    first: Floats
    per_token: Floats


def token_times(told: Told, good: Bools, begun: Floats) -> Times | None:
    """None where nothing was streamed."""
    streamed = good & ~np.isnan(told.first)
    if not streamed.any():
        return None
    timed = streamed & (told.output > 1) & (told.chunks > 1)
    per_token = np.full(len(good), np.nan)
    per_token[timed] = (told.last[timed] - told.first[timed]) / (told.output[timed] - 1)
    return Times(good, streamed, timed, told.first - begun, per_token)


def stream_result(
    times: Times,
    told: Told,
    timeout: float,
    limits: Sequence[TokenLimit],
    blocks: tuple[int, Ints] | None,
) -> StreamResult:
    """What is told of them; `blocks` is the number of blocks of time, and the one of each request."""
    streamed, timed = times.streamed, times.timed
    first = np.where(times.good, times.first, timeout)
    gaps = np.maximum(told.chunks - 1, 0)
    return StreamResult(
        streams=int(np.count_nonzero(streamed)),
        timed=int(np.count_nonzero(timed)),
        chunks=int(told.chunks[streamed].sum(dtype=np.int64)),
        time_to_first_token=_times(
            first[~np.isnan(first)], _Mean(times.first, np.ones(len(first)), streamed, blocks)
        ),
        time_per_output_token=_times(
            times.per_token[timed], _Mean(times.per_token, np.ones(len(first)), timed, blocks)
        )
        if timed.any()
        else None,
        inter_token_latency=_gaps(told.gaps, _Mean(told.last - told.first, gaps, streamed, blocks))
        if len(told.gaps)
        else None,
        over_limit=[_over(limit, times, told.gaps) for limit in limits],
    )


@dataclass(frozen=True)
class _Mean:
    """Seconds over what they are divided by, of some requests."""

    seconds: Floats
    of: NDArray[np.number]
    which: Bools
    blocks: tuple[int, Ints] | None

    def error(self) -> tuple[str, int]:
        """Standard error of the mean, relative, from blocks of time; and how many of these have any."""
        if self.blocks is None:
            return "", 0
        number, block_of = self.blocks
        sums = np.bincount(block_of[self.which], self.seconds[self.which], minlength=number)
        counts = np.bincount(block_of[self.which], self.of[self.which], minlength=number)
        sums, counts = sums[counts > 0], counts[counts > 0]
        k, total = len(counts), float(counts.sum())
        if k < 2 or not sums.sum():
            return "", k
        mean = float(sums.sum()) / total
        squares = float(np.sum((sums - mean * counts) ** 2))
        error = math.sqrt(squares / (k - 1) / k) / (total / k)
        return units.format_number(round(error / mean, 9)), k


def _times(times: Floats, mean: _Mean) -> TokenTimes:
    quantiles = {name: units.format_duration(nearest_rank(times, n)) for name, n in _PER_MILLE.items()}
    error, blocks = mean.error()
    return TokenTimes(
        mean=units.format_duration(float(mean.seconds[mean.which].mean())),
        error=error,
        blocks=blocks,
        sketch=sketch(times),
        **quantiles,
    )


def _gaps(gaps: TimeHistogram, mean: _Mean) -> TokenTimes:
    quantiles = {name: units.format_duration(gaps.quantile(n)) for name, n in _PER_MILLE.items()}
    error, blocks = mean.error()
    return TokenTimes(
        mean=units.format_duration(gaps.total / len(gaps)),
        error=error,
        blocks=blocks,
        sketch=sketch_of(gaps.bins, gaps.growth),
        **quantiles,
    )


def _over(limit: TokenLimit, times: Times, gaps: TimeHistogram) -> TokensOver:
    """A failed request is over every limit.

    The gaps of a stream are those of one answer, so as evidence streams count and not gaps: as large a share of them is
    over the limit as of the gaps.
    """
    seconds = float(units.parse_duration(limit.limit))
    failed = int(np.count_nonzero(~times.good))
    if limit.time == "InterTokenLatency":
        streams = int(np.count_nonzero(times.streamed)) if len(gaps) else 0
        low, high = gaps.share_over(seconds)
        of, least, most = streams, math.floor(low * streams), math.ceil(high * streams)
    else:
        first = limit.time == "TimeToFirstToken"
        which, value = (times.streamed, times.first) if first else (times.timed, times.per_token)
        of = int(np.count_nonzero(which))
        least = most = int(np.count_nonzero(value[which] > seconds))
    return TokensOver(
        time=limit.time, limit=limit.limit, of=of + failed, least=least + failed, most=most + failed
    )


def goal_met(goal: Goal, times: Times, run: StageRun, good: Bools, begun: Floats) -> GoalMet:
    """Good answers that keep all times of a goal. One that was not streamed has no first token to keep it with."""
    met = good.copy()
    if goal.latency:
        met &= run.ended - begun <= float(units.parse_duration(goal.latency))
    if goal.time_to_first_token:
        met &= times.streamed & (times.first <= float(units.parse_duration(goal.time_to_first_token)))
    if goal.time_per_output_token:
        quick = times.per_token <= float(units.parse_duration(goal.time_per_output_token))
        met &= times.streamed & (quick | ~times.timed)
    return GoalMet(**dict(goal), requests=int(np.count_nonzero(met)))
