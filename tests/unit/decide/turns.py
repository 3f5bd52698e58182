"""Stages that two arms met in turn, as the tests of deciding need them."""

from __future__ import annotations

from typing import Any

from tests.unit.decide.objectives import benchmark
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.paired import PairedStage


def ratio(value: float, *, baseline: str = "50ms", error: str = "0.01", **ends: str) -> dict[str, str]:
    """A ratio with standard errors of 1 %."""
    return {"baseline": baseline, "value": f"{value:.6f}", "below": error, "above": error, **ends}


def turns(**fields: Any) -> PairedStage:
    """Ten turns of 200 requests in which the arms were the same, and answered 97 % as expected."""
    same = {key: ratio(1) for key in ("mean", "p50", "p90", "p95", "p99", "p999")}
    return PairedStage.model_validate(
        {
            "name": "steady",
            "turns": 10,
            "requests": 2000,
            "scored": 2000,
            "bothCorrect": 1940,
            "rate": ratio(1, baseline="40req/s"),
            **same,
            **fields,
        }
    )


def paired(*stages: PairedStage, **fields: Any) -> BenchmarkResult:
    """A benchmark's result with these turns, or good ones."""
    result = benchmark()
    return result.model_copy(
        update={"paired": list(stages) or [turns()], "baseline_pods": result.pods} | fields
    )
