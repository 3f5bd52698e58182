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
from tollgate.api.profiles import MetricProfileSpec
from tollgate.api.series import EnergyMeter, MemoryMeter, Meter, UtilizationMeter
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.measure.metered import Metered, UnknownError
from tollgate.ports import Samples

_SKEW = timedelta(seconds=1)  # clocks of nodes agree to that

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
    profile: MetricProfileSpec, answers: Mapping[str, Answer], steady: SteadyWindow, pods: Sequence[str]
) -> ServerReadings:
    """What these pods used in that time; `answers` are by the field of `profile.server`."""
    found = ServerReadings()
    for name, meter in profile.server.meters.items() if profile.server else ():
        how, answer = _READINGS[name], answers[name]
        try:
            if isinstance(answer, str):
                raise UnknownError(answer)
            seen = Metered(
                meter.series,
                answer,
                span=(steady.since.timestamp(), steady.until.timestamp()),
                interval=_interval(profile, meter),
                pods=pods,
                pod_label=(meter.labels or profile.labels).pod,
            )
            value = how.read(seen, meter)
        except UnknownError as why:
            found = _without(found, how.field, str(why))
        else:
            found = _with(found, how, value, seen)
    return found


@dataclass(frozen=True)
class _Reading:
    """How a meter becomes a field of the readings."""

    field: str
    counts: bool
    read: Callable[[Metered, Meter], str]


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
        }
    )


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
    fraction = seen.mean() * meter.scale
    if fraction > 1:
        raise UnknownError(f"{meter.series} is more than 100 %: is its unit {meter.unit}?")
    return units.format_percent(fraction)


def _gpu_memory(seen: Metered, meter: Meter) -> str:
    seen.check_gpus(of_slices=True)
    return _memory(seen, meter)


def _energy(seen: Metered, meter: Meter) -> str:
    assert isinstance(meter, EnergyMeter)
    seen.check_gpus(of_slices=False)
    return units.format_energy(seen.total() * meter.scale)


_READINGS: Mapping[str, _Reading] = {
    "memory": _Reading("peak_memory", False, _memory),
    "cpu": _Reading("cpu_seconds", True, _cpu),
    "gpu_utilization": _Reading("gpu_utilization", False, _utilization),
    "gpu_memory": _Reading("peak_gpu_memory", False, _gpu_memory),
    "energy": _Reading("energy", True, _energy),
}
"""By the field of the MetricProfile."""
