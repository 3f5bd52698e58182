"""Counts from the requests of a file: at limits that nobody thought of when they were measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, OverLimit, StageResult
from tollgate.api.document import BenchmarkRun, StageSamples


def latencies(samples: StageSamples) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Seconds from when each request was due to its end, and whether it was answered."""
    took = (np.asarray(samples.ended) - np.asarray(samples.scheduled)) / 1e6
    return took, np.asarray([outcome == "answered" for outcome in samples.outcome])


def counted_at(run: BenchmarkRun, limits: Sequence[Decimal]) -> BenchmarkResult:
    """The result with counts at these latencies, in seconds, in every stage whose requests are known."""
    samples = {one.label: one for one in run.samples}
    stages = [
        _counted(stage, samples[stage.label], limits) if stage.label in samples else stage
        for stage in run.result.stages
    ]
    return run.result.model_copy(update={"stages": stages})


def _counted(stage: StageResult, samples: StageSamples, limits: Sequence[Decimal]) -> StageResult:
    have = {units.parse_duration(over.limit) for over in stage.over_limit}
    took, answered = latencies(samples)
    right = None if samples.correct is None else np.asarray([one is True for one in samples.correct])
    more = []
    for limit in limits:
        if limit not in have:
            over = ~answered | (took > float(limit))
            more.append(
                OverLimit(
                    limit=units.format_duration(limit, digits=12),
                    requests=int(np.count_nonzero(over)),
                    correct=None if right is None else int(np.count_nonzero(right & ~over)),
                )
            )
    return stage.model_copy(update={"over_limit": [*stage.over_limit, *more]}) if more else stage
