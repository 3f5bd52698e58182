"""What a server used in the steady part of a stage, from the raw samples of Prometheus. Pure.

Only samples within that time count. A gauge tells what it showed at scrapes, so a peak between two of them is not
seen; a counter tells what it grew by from the first to the last of them, and that rate is taken for all of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.series import EnergyMeter, MemoryMeter, Meter, UtilizationMeter
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.measure.aliases import first_named
from tollgate.measure.metered import Metered
from tollgate.measure.sharing import Shares, UnknownError
from tollgate.ports import Samples

_SKEW = timedelta(seconds=1)  # clocks of nodes agree to that
_DIVIDE = "; attribution: Proportional in the MetricProfile has it divided"

Answer = Sequence[Samples] | str
"""What Prometheus holds of a meter, or why it told nothing."""


def steady_parts(result: BenchmarkResult, began: datetime, now: datetime) -> dict[int, SteadyWindow | str]:
    """The steady part of each measured stage, by its place in the result; or why there is none.

    It comes from the load generator, so it must be within the stage, and the stage within the benchmark.
    """
    return {
        place: _steady_part(stage, began, now)
        for place, stage in enumerate(result.stages)
        if not stage.warm_up
    }


def _steady_part(stage: StageResult, began: datetime, now: datetime) -> SteadyWindow | str:
    claimed = stage.steady
    if claimed is None:
        return "the stage has no steady part: it ended before its load had built up, so make it longer"
    lasted = timedelta(seconds=float(units.parse_duration(stage.seconds)))
    inside = began - _SKEW <= claimed.since < claimed.until <= now + _SKEW
    if not inside or claimed.until - claimed.since > lasted + _SKEW:
        return "the steady part is not within the stage: do the clocks of the nodes agree (NTP)?"
    return claimed


def scraped_by(profile: MetricProfileSpec, last: datetime) -> datetime:
    """By when every scrape is over that began until `last`: Prometheus takes no time-out beyond the interval."""
    meters = profile.server.meters.values() if profile.server else ()
    return last + timedelta(seconds=max((_interval(profile, meter) for meter in meters), default=0))


def read_server(
    profile: MetricProfileSpec,
    answers: Mapping[str, Answer],
    steady: SteadyWindow,
    pods: Sequence[str],
    holders: Mapping[str, Answer] | None = None,
) -> ServerReadings:
    """What these pods used in that time; `answers` are by the field of `profile.server`.

    `holders` are the answers for all who hold parts of the pods' GPUs, of the meters that are divided among them.
    """
    found = ServerReadings()
    span = steady.since.timestamp(), steady.until.timestamp()
    for name, meter in profile.server.meters.items() if profile.server else ():
        how, answer = _READINGS[name], answers[name]
        try:
            if isinstance(answer, str):
                raise UnknownError(answer)
            pod_label = (meter.labels or profile.labels).pod
            seen = Metered(
                meter.series,
                first_named(meter, {"": answer}, pod_label)[""],
                span=span,
                interval=_interval(profile, meter),
                pods=pods,
                pod_label=pod_label,
                zone_chosen=any(matcher.label == "zone" for matcher in meter.matchers),
            )
            if is_divided(meter):
                seen = seen.divided(_shares(profile, meter, (holders or {}).get(name, ()), span))
            value = how.read(seen, meter)
        except UnknownError as why:
            found = _without(found, how.field, str(why))
        else:
            found = _with(found, how, value, seen)
    return found


def is_divided(meter: Meter) -> bool:
    """Whether it is divided among those who share a GPU."""
    return isinstance(meter, EnergyMeter) and meter.attribution == "Proportional"


def _shares(profile: MetricProfileSpec, meter: Meter, holders: Answer, span: tuple[float, float]) -> Shares:
    if isinstance(holders, str):
        raise UnknownError(holders)
    labels = meter.labels or profile.labels
    named = first_named(meter, {"": holders}, labels.pod)[""]
    return Shares(meter.series, named, labels, span=span, interval=_interval(profile, meter))


@dataclass(frozen=True)
class _Reading:
    """How a meter becomes a field of the readings."""

    field: str
    counts: bool
    read: Callable[[Metered, Meter], str]
    peaks: bool = False


def _interval(profile: MetricProfileSpec, meter: Meter) -> int:
    return meter.scrape_interval_seconds or profile.scrape_interval_seconds


def _with(found: ServerReadings, how: _Reading, value: str, seen: Metered) -> ServerReadings:
    least = seen.covered
    if found.covered is not None:
        least = min(least, float(units.parse_duration(found.covered)))
    return found.model_copy(
        update={
            how.field: value,
            "scrapes": min(found.scrapes or seen.scrapes, seen.scrapes),
            "covered": units.format_duration(least),
            "restarts": found.restarts + (seen.restarts if how.counts else 0),
            **({"attribution": seen.attribution[:400]} if seen.attribution else {}),
            **_error(found, how, seen),
        }
    )


def _error(found: ServerReadings, how: _Reading, seen: Metered) -> dict[str, object]:
    """How far a sum or an average may be off; nothing of a peak."""
    if how.peaks:
        return {}
    error, intervals = seen.growth_error() if how.counts else seen.mean_error()
    if not intervals:
        return {}
    name = str(ServerReadings.model_fields[how.field].alias)
    return {
        "errors": {**found.errors, name: units.format_number(round(error, 9))},
        "intervals": min(found.intervals or intervals, intervals),
    }


def _without(found: ServerReadings, field: str, why: str) -> ServerReadings:
    name = str(ServerReadings.model_fields[field].alias)
    return found.model_copy(update={"unknown": {**found.unknown, name: why[:400]}})


def _memory(seen: Metered, meter: Meter) -> str:
    assert isinstance(meter, MemoryMeter)
    return units.format_memory(seen.peak() * meter.scale)


def _cpu(seen: Metered, _: Meter) -> str:
    return units.format_duration(seen.total())


def _utilization(seen: Metered, meter: Meter) -> str:
    assert isinstance(meter, UtilizationMeter)
    seen.check_gpus(of_slices=True)
    return units.format_percent(_at_most_one(seen.mean() * meter.scale, meter))


def _gpu_memory(seen: Metered, meter: Meter) -> str:
    seen.check_gpus(of_slices=True)
    return _memory(seen, meter)


def _energy(seen: Metered, meter: Meter) -> str:
    assert isinstance(meter, EnergyMeter)
    if not is_divided(meter):
        seen.check_gpus(of_slices=False, else_=_DIVIDE)
    return units.format_energy(seen.total() * meter.scale)


def _kv_cache(seen: Metered, meter: Meter) -> str:
    assert isinstance(meter, UtilizationMeter)
    return units.format_percent(_at_most_one(seen.peak() * meter.scale, meter))


def _at_most_one(fraction: float, meter: UtilizationMeter) -> float:
    if fraction > 1:
        raise UnknownError(f"{meter.series} is more than 100 %: is its unit {meter.unit}?")
    return fraction


def _flops(seen: Metered, _: Meter) -> str:
    return units.format_flops(seen.total())


_READINGS: Mapping[str, _Reading] = {
    "memory": _Reading("peak_memory", False, _memory, peaks=True),
    "cpu": _Reading("cpu_seconds", True, _cpu),
    "gpu_utilization": _Reading("gpu_utilization", False, _utilization),
    "gpu_memory": _Reading("peak_gpu_memory", False, _gpu_memory, peaks=True),
    "energy": _Reading("energy", True, _energy),
    "kv_cache": _Reading("peak_kv_cache", False, _kv_cache, peaks=True),
    "flops": _Reading("flops", True, _flops),
}
"""By the field of the MetricProfile."""
