"""From a pod's share of a stage to the part of the result that it hands back: counts, sums and bins. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tollgate.api.load import LoadStage
from tollgate.api.parts import FINEST, PartBlock, StagePart
from tollgate.api.transport import write_bins
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.sketch import bin_indices
from tollgate.bench.summary import summarize

_BLOCKS = (20, 10, 5, 2)  # halved in step where room is short
_BLOCK_REQUESTS = 10  # of the whole stage, on average


def part_of(stage: LoadStage, planned: int, run: StageRun, limits: Sequence[str]) -> StagePart:
    """What a pod measured of a stage in which all pods together were to send `planned` requests."""
    told = summarize(stage, run, limits)
    assert told.client is not None  # summarize always says how the client was
    good = run.outcome == Outcome.ANSWERED
    latency = _micros(np.where(good, run.ended - run.schedule.due, run.timeout))
    sent = _micros(run.sent[~np.isnan(run.sent)])
    return StagePart(
        name=stage.name,
        warm_up=stage.warm_up,
        load=told.load,
        requested_rate=told.requested_rate,
        requests=told.requests,
        errors=told.errors,
        error_kinds=told.error_kinds,
        error_examples=told.error_examples,
        over_limit=told.over_limit,
        scored=told.scored,
        correct=told.correct,
        quality=told.quality,
        accepted=told.accepted,
        sent=len(sent),
        span=int(_micros(run.schedule.span)),
        last_sent=int(np.max(sent, initial=0)),
        first_due=int(_micros(run.schedule.due[0])),
        last_answer=int(np.max(_micros(run.ended[good]), initial=0)),
        ended=int(np.max(_micros(run.ended))),
        slowest=int(np.max(latency)),
        growth=str(FINEST),
        blocks=_blocks(run, planned, good, latency),
        schedule_delay_p99=told.schedule_delay_p99,
        lag_p99=told.client.lag_p99,
        cpu=told.client.cpu,
        in_flight=told.client.in_flight,
        throttled=told.client.throttled,
        workers=told.client.workers,
        workers_lost=told.workers_lost,
        client_limited=told.client_limited,
        steady=told.steady,
    )


def _micros(seconds: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """In whole microseconds, each by itself: their sum is then the same in any order."""
    return np.rint(np.asarray(seconds) * 1e6).astype(np.int64)


def _blocks(
    run: StageRun, planned: int, good: NDArray[np.bool_], latency: NDArray[np.int64]
) -> list[PartBlock]:
    """The stage in equal stretches of time, the same for every pod."""
    number = next((n for n in _BLOCKS if planned >= n * _BLOCK_REQUESTS), 1)
    block_of = np.minimum((run.schedule.due / run.schedule.span * number).astype(int), number - 1)
    index = bin_indices(latency, FINEST)
    return [
        PartBlock(
            answered=int(np.count_nonzero(good[inside])),
            sum=int(latency[inside & good].sum()),
            bins=write_bins(Counter(index[inside].tolist())),
        )
        for inside in (block_of == block for block in range(number))
    ]
