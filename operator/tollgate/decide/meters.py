"""Whether what a budget limits is metered at all: said when it is accepted, and not after the benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api import units
from tollgate.api.dimension import Dimension
from tollgate.api.facts import EnergyTerms
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.objective import Objective
from tollgate.decide.planning import Problem

_METERS = {
    Dimension.MEMORY: "memory",
    Dimension.GPU_MEMORY: "gpuMemory",
    Dimension.KV_CACHE: "kvCache",
    Dimension.GPU_UTILIZATION: "gpuUtilization",
}


def meter_problems(
    objectives: Sequence[Objective], profile: MetricProfileSpec, energy: EnergyTerms
) -> list[Problem]:
    """The objectives for which nothing is read of the server."""
    found = []
    for o in objectives:
        why = _energy(o, profile, energy) if o.dimension is Dimension.ENERGY else _meter(o, profile)
        if why:
            found.append(Problem(o.name, "NotMetered", f"objective {o.name}: {why}"))
    return found


def _has(profile: MetricProfileSpec, meter: str) -> bool:
    return profile.server is not None and getattr(profile.server, meter) is not None


def _meter(o: Objective, profile: MetricProfileSpec) -> str:
    name = _METERS.get(o.dimension)
    field = {"gpuMemory": "gpu_memory", "kvCache": "kv_cache", "gpuUtilization": "gpu_utilization"}
    if name is None or _has(profile, field.get(name, name)):
        return ""
    return f"the MetricProfile names no meter for it: add server.{name} to it, or remove the objective"


def _energy(o: Objective, profile: MetricProfileSpec, energy: EnergyTerms) -> str:
    if units.parse_energy_limit(o.limit).kind == "grams" and energy.grams_per_kwh is None:
        return f"{o.limit} needs the grid intensity: set energy.gramsPerKWh in the operator's configuration"
    if _has(profile, "energy"):
        return ""
    if o.measured:
        return "it must be measured, and the MetricProfile names no meter: add server.energy to it"
    if energy.watts_per_core is None:
        return (
            "the MetricProfile names no meter: add server.energy to it, or set energy.wattsPerCore in the operator's "
            "configuration for an estimate from CPU seconds"
        )
    if not _has(profile, "cpu"):
        return "an estimate needs CPU seconds: add server.cpu to the MetricProfile"
    return ""
