"""Objectives and benchmark results as the tests of deciding need them."""

from __future__ import annotations

from typing import Any

from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.objective import Objective
from tollgate.api.transport import write_bins


def objective(dimension: str, **fields: Any) -> Objective:
    """An objective named after its dimension unless `name` is given."""
    return Objective.model_validate({"name": dimension.lower(), "dimension": dimension, **fields})


P99 = objective("Latency", name="tail", statistic="P99", max="250ms")
MEAN = objective("Latency", name="mean", statistic="Mean", max="80ms")
ERRORS = objective("ErrorRate", max="0.5%")
ACCURACY = objective("Quality", metric="Accuracy", min="0.95")
COST = objective("Cost", per="1kRequests", max="0.40USD")
THROUGHPUT = objective("Throughput", min="30req/s")


def stage(**fields: Any) -> dict[str, Any]:
    """A good stage: 2,400 requests in 60 s, all fast, right and answered."""
    good: dict[str, Any] = {
        "name": "steady",
        "requestedRate": "40req/s",
        "achievedRate": "40req/s",
        "answeredRate": "40req/s",
        "seconds": "60s",
        "requests": 2400,
        "errors": 0,
        "overLimit": [{"limit": "250ms", "requests": 0}],
        "scored": 2400,
        "correct": 2400,
        "mean": "50ms",
        "blocks": [{"requests": 120, "mean": f"{50 + (i % 3 - 1)}ms"} for i in range(20)],
        "quantiles": {
            "p50": "48ms",
            "p90": "70ms",
            "p95": "80ms",
            "p99": "110ms",
            "p999": "130ms",
            "max": "140ms",
        },
        # bins of 5 %: around 48 ms, 70 ms, 110 ms and 140 ms
        "sketch": {"growth": "1.05", "bins": write_bins({221: 1800, 229: 480, 238: 100, 243: 20})},
        "scheduleDelayP99": "1ms",
    }
    return good | fields


def benchmark(*stages: dict[str, Any], **fields: Any) -> BenchmarkResult:
    """A result of these stages, or of one good one, on two pods."""
    document = {
        "dataset": "sha256:" + "a" * 64,
        "profile": "sha256:" + "b" * 64,
        "pods": 2,
        "stages": list(stages) or [stage()],
    }
    return BenchmarkResult.model_validate(document | fields)
