"""What is not metered is said when the budget is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decide.objectives import objective
from tollgate.api.facts import EnergyTerms
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.objective import Objective
from tollgate.decide.meters import meter_problems

WATTS = EnergyTerms(watts_per_core="5")
GRID = EnergyTerms(grams_per_kwh="400")
NOTHING = EnergyTerms()


def said(o: Objective, terms: EnergyTerms = NOTHING, **server: Any) -> str:
    spec = {"latency": {"series": "request_seconds"}, "server": server or None}
    found = meter_problems([o], MetricProfileSpec.model_validate(spec), terms)
    assert all(p.reason == "NotMetered" and p.objective == o.name for p in found)
    return "; ".join(p.message for p in found)


@pytest.mark.parametrize(
    ("dimension", "limit", "meter"),
    [
        ("Memory", "1Gi", "memory"),
        ("GPUMemory", "1Gi", "gpuMemory"),
        ("KVCache", "90%", "kvCache"),
        ("GPUUtilization", "90%", "gpuUtilization"),
    ],
)
def test_each_needs_its_meter(dimension: str, limit: str, meter: str) -> None:
    o = objective(dimension, max=limit)
    assert f"add server.{meter} to it" in said(o)
    assert said(o, **{meter: {"series": "x"}}) == ""


def test_energy_is_metered_or_estimated() -> None:
    o = objective("Energy", per="Request", max="2J")
    assert "add server.energy to it, or set energy.wattsPerCore" in said(o)
    assert said(o, energy={"series": "x"}) == ""
    assert "add server.cpu to the MetricProfile" in said(o, WATTS)
    assert said(o, WATTS, cpu={"series": "x"}) == ""


def test_energy_that_must_be_measured_is_not_estimated() -> None:
    o = objective("Energy", per="Request", max="2J", measured=True)
    assert "it must be measured" in said(o, WATTS, cpu={"series": "x"})


def test_emissions_need_the_grid() -> None:
    o = objective("Energy", per="Request", max="2gCO2e")
    assert "set energy.gramsPerKWh" in said(o, energy={"series": "x"})
    assert said(o, GRID, energy={"series": "x"}) == ""


def test_what_the_load_generator_sees_needs_no_meter() -> None:
    assert said(objective("Variability", metric="P99ToP50", max="4")) == ""
