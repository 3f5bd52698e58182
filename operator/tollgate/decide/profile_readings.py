"""What a MetricProfile lets each dimension of a budget read now, and for what it cannot, why and what to do.

Nothing is judged. Why something is not read is said in the words of the budget that would be judged by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tollgate.api import units
from tollgate.api.dimension import SERIES_OF_TIMES, SHAPES, Dimension, Statistic
from tollgate.api.evidence import CountedOf
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.objective import Objective
from tollgate.api.server_side import ServerReadings
from tollgate.decide.judge_live import NOTHING_TIMED, unfit
from tollgate.decide.limits import count, counted_noun
from tollgate.decide.planning import live_problems
from tollgate.measure.counts import LiveCounts

_ANY = Decimal(1)
_MOST_EDGES = 24
_METERS = {
    Dimension.MEMORY: ("memory", "peak_memory"),
    Dimension.GPU_MEMORY: ("gpu_memory", "peak_gpu_memory"),
    Dimension.KV_CACHE: ("kv_cache", "peak_kv_cache"),
    Dimension.GPU_UTILIZATION: ("gpu_utilization", "gpu_utilization"),
    Dimension.ENERGY: ("energy", "energy"),
    Dimension.COMPUTE: ("flops", "flops"),
}
"""The series of `server` in the profile, and the reading that comes of it."""


@dataclass(frozen=True)
class Reading:
    """What a dimension reads; without a `value`, why not. `missing`: the profile names a series that is not there."""

    what: str
    value: str = ""
    note: str = ""
    missing: bool = False


def ladder(edges: Sequence[float]) -> list[Decimal]:
    """Latencies in seconds between which percentiles are looked for: the edges, or 1, 2, 5, 10 ms and so on."""
    if edges:
        return sorted({Decimal(repr(edge)) for edge in edges} | {_ANY})
    return [Decimal(step).scaleb(power) for power in range(-3, 4) for step in (1, 2, 5)]


def readings(
    profile: MetricProfileSpec,
    live: LiveCounts,
    server: ServerReadings | None,
    timed: Mapping[Dimension, LiveCounts] = NOTHING_TIMED,
) -> list[Reading]:
    """One or more of each dimension; `live` counts at the `ladder`, `server` is None where no pods are known.

    `timed` counts alike what has a series of its own in the profile.
    """
    found: list[Reading] = []
    for dimension, shape in SHAPES.items():
        if dimension in _METERS:
            found.append(_metered(dimension, profile, server))
        elif dimension is Dimension.LATENCY:
            found += [_times(dimension, statistic, profile, live) for statistic in Statistic]
        elif dimension in timed:
            found += [_times(dimension, statistic, profile, timed[dimension]) for statistic in Statistic]
        elif dimension in SERIES_OF_TIMES:
            found.append(Reading(dimension.value, note=_no_series(dimension)))
        elif dimension is Dimension.VIOLATION_RATE:
            found.append(_violations(profile, live))
        elif dimension is Dimension.ERROR_RATE:
            found.append(_errors(profile, live))
        elif dimension is Dimension.COST:
            found.append(_cost(profile, live))
        else:
            found.append(Reading(dimension.value, note=f"a benchmark tells it: {shape.source}"))
    return found


def _why_not(what: str, profile: MetricProfileSpec, live: LiveCounts, objective: Objective) -> Reading | None:
    """Why an objective like this one would have no verdict."""
    for problem in live_problems([objective], profile):
        return Reading(what, note=problem.message.removeprefix(f"objective {objective.name}: "))
    if (reason := unfit(objective, live)) is not None:
        return Reading(what, note=f"{reason[0]}: {reason[1]}", missing=True)
    return None


def _no_series(dimension: Dimension) -> str:
    """What is to be said of times that the profile has no series of."""
    told = "a benchmark tells it; " if SHAPES[dimension].benchmark else ""
    return f"{told}the profile names no {SERIES_OF_TIMES[dimension]}"


def _times(
    dimension: Dimension, statistic: Statistic, profile: MetricProfileSpec, live: LiveCounts
) -> Reading:
    what = f"{dimension} {statistic}"
    objective = Objective(name="times", dimension=dimension, statistic=statistic, max="1s")
    if (reading := _why_not(what, profile, live, objective)) is not None:
        return reading
    n, noun = live.total.requests, counted_noun(objective)
    if statistic.tail is None:
        return Reading(what, f"{units.format_duration(live.total.latency_sum / n)} in {count(n, noun)}")
    return Reading(what, f"{_between(live, float(statistic.tail))} in {count(n, noun)}")


def _between(live: LiveCounts, tail: float) -> str:
    """Between which two latencies so large a part of the requests is slower."""
    n = live.total.requests
    above = [limit for limit, (least, _) in live.total.slow.items() if least > tail * n]
    below = [limit for limit, (_, most) in live.total.slow.items() if most <= tail * n]
    low, high = (units.format_duration(found) for found in (max(above, default=0), min(below, default=0)))
    if not above:
        return f"at most {high}"
    return f"{low} to {high}" if below else f"more than {low}"


def _violations(profile: MetricProfileSpec, live: LiveCounts) -> Reading:
    what = Dimension.VIOLATION_RATE.value
    objective = Objective(name="violations", dimension=Dimension.VIOLATION_RATE, within="1s", max="1%")
    if (reading := _why_not(what, profile, live, objective)) is not None:
        return reading
    if not live.edges:
        return Reading(what, note="counted within any duration, exactly at a power of two")
    edges = ", ".join(units.format_duration(edge) for edge in live.edges[:_MOST_EDGES])
    return Reading(what, note=f"exact within {edges}" + (" ..." if len(live.edges) > _MOST_EDGES else ""))


def _errors(profile: MetricProfileSpec, live: LiveCounts) -> Reading:
    what = Dimension.ERROR_RATE.value
    objective = Objective(name="errors", dimension=Dimension.ERROR_RATE, max="1%")
    if (reading := _why_not(what, profile, live, objective)) is not None:
        return reading
    failed, of = live.total.errors, live.total.attempts
    return Reading(what, f"{units.format_percent(min(failed, of) / of)}: {failed:,} of {count(of)}")


def _cost(profile: MetricProfileSpec, live: LiveCounts) -> Reading:
    what = Dimension.COST.value
    objective = Objective(name="cost", dimension=Dimension.COST, per="Request", max="1USD")
    if (reading := _why_not(what, profile, live, objective)) is not None:
        return reading
    assert live.counted_of is CountedOf.PODS
    rate = units.format_rate(live.rate_per_pod)
    return Reading(what, note=f"{rate} to a pod, among which its price is divided")


def _metered(dimension: Dimension, profile: MetricProfileSpec, server: ServerReadings | None) -> Reading:
    field, name = _METERS[dimension]
    meter = getattr(profile.server, field) if profile.server else None
    if meter is None:
        return Reading(
            dimension.value, note=f"the profile does not name {SHAPES[dimension].source.partition(';')[0]}"
        )
    if server is None:
        return Reading(dimension.value, note=f"a benchmark reads {meter.series} of the pods that it loads")
    value = getattr(server, name)
    if value is None:
        why = server.unknown.get(str(ServerReadings.model_fields[name].alias), "nothing was read")
        return Reading(dimension.value, note=why, missing=True)
    return Reading(dimension.value, str(value), "" if name.startswith("peak") else "over the whole window")


def complete(found: Sequence[Reading]) -> bool:
    """Whether everything is read that the profile names."""
    return not any(reading.missing for reading in found)


def table(found: Sequence[Reading]) -> Iterator[tuple[str, str]]:
    """What each reads, with what is to be said of it."""
    for reading in found:
        yield reading.what, "; ".join(part for part in (reading.value, reading.note) if part)
