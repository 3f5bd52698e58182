"""The benchmarks of one candidate as one measurement: what they counted, added up.

Only measurements that were made alike are added, each whole and whatever it says: one that is left out for what it
says would bias the rest. Their inputs and arrivals were drawn apart (`Benchmark.spec.repetition`), so their counts
are as good as those of one longer benchmark. So are those of the runs of a stage that is repeated. What
cannot be added exactly, the spread of quantiles and the times of tokens, is left out: each measurement holds its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, OverLimit, Quantiles, StageResult
from tollgate.api.quality import added
from tollgate.api.quantities import summed
from tollgate.api.sketch import Sketch, bin_of_rank
from tollgate.api.transport import coarsen, read_bins, write_bins
from tollgate.decide.compare import Arm
from tollgate.decide.pooling_told import exits, stream, tokens, used, variability
from tollgate.measure.ranks import PER_MILLE, nearest

_SAME_GROWTH = 1e-3


def pooled(results: Sequence[BenchmarkResult]) -> BenchmarkResult:
    """Measurements of the same stages at the same limits, as one. At least one. The search is the first one's."""
    first, *others = results
    if not others:
        return first
    stages = [_added(stages) for stages in zip(*(result.declared for result in results), strict=True)]
    return first.model_copy(update={"stages": stages + first.probes})


def runs_added(stages: Sequence[StageResult]) -> list[StageResult]:
    """Stages with the runs of each that was repeated as one."""
    runs = [list(same) for _, same in groupby(stages, key=lambda stage: stage.name)]
    return [_added(same) if len(same) > 1 else same[0] for same in runs]


def can_be_added(one: Arm, other: Arm) -> bool:
    """Whether the two counted the same: on the same hardware, the same profile, dataset, number of pods and limits."""
    return one.hardware == other.hardware and _shape(one.result) == _shape(other.result)


def _shape(result: BenchmarkResult) -> tuple[object, ...]:
    stages = [(stage.name, [over.limit for over in stage.over_limit]) for stage in result.declared]
    in_turn = [stage.name for stage in result.paired]
    return result.dataset, result.profile, result.pods, result.baseline_pods, stages, in_turn


def _added(stages: Sequence[StageResult]) -> StageResult:
    answered = [stage.requests - stage.errors for stage in stages]
    sketch = _sketch([stage.sketch for stage in stages])
    kinds = sum((Counter(stage.error_kinds) for stage in stages), Counter[str]())
    return stages[0].model_copy(
        update={
            "repeat": None,
            "requests": sum(stage.requests for stage in stages),
            "errors": sum(stage.errors for stage in stages),
            "error_kinds": dict(kinds),
            "over_limit": [
                OverLimit(
                    limit=same[0].limit,
                    requests=sum(over.requests for over in same),
                    correct=summed([over.correct for over in same]),
                )
                for same in zip(*(stage.over_limit for stage in stages), strict=True)
            ],
            "scored": sum(stage.scored for stage in stages),
            "correct": sum(stage.correct for stage in stages),
            "quality": added([stage.quality for stage in stages]),
            "seconds": units.format_duration(sum(_seconds(stage.seconds) for stage in stages)),
            "achieved_rate": _rate([stage.requests for stage in stages], [s.achieved_rate for s in stages]),
            "answered_rate": _rate(answered, [stage.answered_rate for stage in stages]),
            "mean": units.format_duration(_average(answered, [_seconds(stage.mean) for stage in stages])),
            "blocks": [block for stage in stages for block in stage.blocks],
            "quantiles": _quantiles(stages, sketch),
            "spread": None,
            "accepted": summed([stage.accepted for stage in stages]),
            "exit_stages": exits(stages),
            "variability": variability(stages),
            "tokens": tokens(stages),
            "stream": stream(stages),
            "goals": [
                same[0].model_copy(update={"requests": sum(goal.requests for goal in same)})
                for same in zip(*(stage.goals for stage in stages), strict=False)
            ],
            "sketch": sketch,
            "schedule_delay_p99": _longest(stages, lambda stage: stage.schedule_delay_p99),
            "workers_lost": sum(stage.workers_lost for stage in stages),
            "client": None,
            **used(stages),
            "client_limited": next((s.client_limited for s in stages if s.client_limited), ""),
        }
    )


def _seconds(duration: str) -> float:
    return float(units.parse_duration(duration))


def _average(weights: Sequence[int], values: Sequence[float]) -> float:
    total = sum(weights)
    return (
        math.fsum(w * value for w, value in zip(weights, values, strict=True)) / total
        if total
        else max(values)
    )


def _rate(counts: Sequence[int], rates: Sequence[str]) -> str:
    """All that was counted over all the time it took; what counted nothing says nothing of its time."""
    counted = [(n, float(units.parse_rate(rate))) for n, rate in zip(counts, rates, strict=True)]
    took = math.fsum(n / rate for n, rate in counted if n and rate)
    return units.format_rate(sum(n for n, rate in counted if rate) / took if took else 0.0)


def _longest(stages: Iterable[StageResult], of: Callable[[StageResult], str]) -> str:
    return max((of(stage) for stage in stages), key=_seconds)


def _quantiles(stages: Sequence[StageResult], sketch: Sketch) -> Quantiles:
    """For people, as verdicts rest on the exact counts and on the sketch: the upper edges of its bins.

    Where there is no sketch, the slowest of each: percentiles do not add.
    """
    each = [stage.quantiles.model_dump() for stage in stages]
    slowest = {name: max((one[name] for one in each), key=_seconds) for name in PER_MILLE}
    if bins := read_bins(sketch):
        requests = sum(count for _, count in bins)
        for name, per_mille in PER_MILLE.items():
            index = bin_of_rank(bins, nearest(per_mille, requests))
            edge = units.format_duration(float(sketch.growth) ** index * 1e-6)
            slowest[name] = min(slowest[name], edge, key=_seconds)
    return Quantiles(**slowest, max=_longest(stages, lambda stage: stage.quantiles.max))


def _sketch(sketches: Sequence[Sketch]) -> Sketch:
    """At the growth of the coarsest; empty where one of them is, as it no longer holds all requests."""
    widest = max(sketches, key=lambda sketch: float(sketch.growth))
    if any(not sketch.bins for sketch in sketches):
        return Sketch(growth=widest.growth, bins="")
    total: Counter[int] = Counter()
    for sketch in sketches:
        while float(sketch.growth) < float(widest.growth) * (1 - _SAME_GROWTH):
            sketch = coarsen(sketch)
        total.update(dict(read_bins(sketch)))
    return widest.model_copy(update={"bins": write_bins(total)})
