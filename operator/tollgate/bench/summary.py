"""From the records of a stage to its `StageResult`: counts, order statistics, blocks and a sketch. Pure.

No request is dropped anywhere: one that failed is over every limit, counts as its time-out in the quantiles and
the sketch, and is not correct if its input was scored. Only the means are of answered requests.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.benchmark import (
    Block,
    ClientVitals,
    OverLimit,
    QuantileBounds,
    Quantiles,
    QuantileSpread,
    StageResult,
)
from tollgate.api.counting import NOTHING_MORE, Counting
from tollgate.api.load import LoadStage
from tollgate.bench.audit import client_limited, nearest_rank, schedule_delay_p99
from tollgate.bench.quality import count_quality
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.recovery import recovery
from tollgate.bench.sketch import sketch
from tollgate.bench.spread import PER_MILLE, quantile_spread
from tollgate.bench.steady import steady
from tollgate.bench.told_summary import summarize_told
from tollgate.bench.variability import variability

_BLOCKS = 20
_BLOCK_REQUESTS = 10  # on average: fewer make no mean


def summarize(
    stage: LoadStage, run: StageRun, limits: Sequence[str], counting: Counting = NOTHING_MORE
) -> StageResult:
    """What a stage measured. Limits are latencies such as 250ms, at which slower requests are counted."""
    good = run.outcome == Outcome.ANSWERED
    latency = np.where(good, run.ended - run.schedule.due, run.timeout)
    seconds = [float(units.parse_duration(limit)) for limit in limits]
    kinds = Counter(Outcome(code).name.lower() for code in run.outcome[~good].tolist())
    sent = run.sent[~np.isnan(run.sent)]
    return StageResult(
        name=stage.name,
        warm_up=stage.warm_up,
        load=stage.load,
        requested_rate=stage.requested_rate,
        achieved_rate=units.format_rate(len(sent) / max(run.schedule.span, float(np.max(sent, initial=0.0)))),
        answered_rate=units.format_rate(_answered_rate(run, good)),
        seconds=units.format_duration(max(run.schedule.span, float(np.max(run.ended)))),
        requests=len(latency),
        errors=kinds.total(),
        error_kinds=dict(kinds),
        error_examples={outcome.name.lower(): text[:400] for outcome, text in run.examples.items()},
        over_limit=[
            _over(limit, ~good | (latency > bound), run) for limit, bound in zip(limits, seconds, strict=True)
        ],
        scored=int(np.count_nonzero(run.scored)),
        correct=int(np.count_nonzero(run.correct)),
        variability=None if stage.warm_up else variability(run, good, latency),
        recovery=recovery(run, latency),
        quality=count_quality(run, good),
        **summarize_told(
            run, good, run.schedule.due, _answering_seconds(run, good), counting, _block_of(run)
        ),
        mean=units.format_duration(float(np.mean(latency[good])) if good.any() else run.timeout),
        blocks=_blocks(run, good, latency),
        quantiles=_quantiles(latency),
        spread=_spread(run, latency),
        sketch=sketch(latency),
        schedule_delay_p99=units.format_duration(schedule_delay_p99(run)),
        client_limited=client_limited(run, seconds)[:1024],
        workers_lost=len(run.lost),
        client=_vitals(run),
        steady=None if stage.warm_up else steady(run, latency),
    )


def _over(limit: str, over: NDArray[np.bool_], run: StageRun) -> OverLimit:
    correct = int(np.count_nonzero(run.correct & ~over)) if run.scored.any() else None
    return OverLimit(limit=limit, requests=int(np.count_nonzero(over)), correct=correct)


def _vitals(run: StageRun) -> ClientVitals:
    return ClientVitals(
        workers=run.workers,
        cpu=units.format_number(round(run.cpu, 3)),
        lag_p99=units.format_duration(nearest_rank(run.lags, 990)),
        in_flight=run.in_flight,
        throttled=units.format_duration(run.throttled),
    )


def _quantiles(latency: NDArray[np.float64]) -> Quantiles:
    p50, p90, p95, p99, p999, slowest = (
        units.format_duration(nearest_rank(latency, per_mille))
        for per_mille in (500, 900, 950, 990, 999, 1000)
    )
    return Quantiles(p50=p50, p90=p90, p95=p95, p99=p99, p999=p999, max=slowest)


def _spread(run: StageRun, latency: NDArray[np.float64]) -> QuantileSpread | None:
    blocks, block_of = _block_of(run)
    if blocks < 2:
        return None
    spreads = [quantile_spread(latency, block_of, blocks, per_mille) for per_mille in PER_MILLE]
    return QuantileSpread(
        blocks=blocks, low=_bounds([s.low for s in spreads]), high=_bounds([s.high for s in spreads])
    )


def _bounds(seconds: Sequence[float]) -> QuantileBounds:
    texts = (units.format_duration(value) if 0 < value < math.inf else "" for value in seconds)
    return QuantileBounds(**dict(zip(("p50", "p90", "p95", "p99", "p999"), texts, strict=True)))


def _block_of(run: StageRun) -> tuple[int, NDArray[np.int64]]:
    """Into how many equal stretches of time the schedule is cut, and in which of them each request is due."""
    number = min(_BLOCKS, max(1, len(run.schedule) // _BLOCK_REQUESTS))
    return number, np.minimum((run.schedule.due / run.schedule.span * number).astype(np.int64), number - 1)


def _blocks(run: StageRun, good: NDArray[np.bool_], latency: NDArray[np.float64]) -> list[Block]:
    """The stretches with the mean of their answered requests; one without any is left out."""
    number, block_of = _block_of(run)
    requests = np.bincount(block_of[good], minlength=number)
    sums = np.bincount(block_of[good], latency[good], minlength=number)
    return [
        Block(requests=int(count), mean=units.format_duration(float(total / count)))
        for count, total in zip(requests, sums, strict=True)
        if count
    ]


def _answered_rate(run: StageRun, good: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(good)) / _answering_seconds(run, good)


def _answering_seconds(run: StageRun, good: NDArray[np.bool_]) -> float:
    """From the first scheduled request to the last good answer."""
    if not good.any():
        return math.inf
    return max(float(np.max(run.ended[good]) - np.min(run.schedule.due)), 1e-9)
