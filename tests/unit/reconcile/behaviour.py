"""How a version of the model behaves, and what a benchmark of it measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from tests.unit.measure.probes import holds, searched
from tollgate.api import transport
from tollgate.api.benchmark import Benchmark, BenchmarkResult, StageResult
from tollgate.api.load import LoadStage
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.search import RateSearch
from tollgate.ports import Object


@dataclass
class Behaviour:
    """How a version of the model behaves: share of slow requests in the benchmark and live, and its accuracy."""

    bench_slow: float = 0.001
    live_slow: float = 0.001
    accuracy: float = 0.98
    mean: float = 0.02
    ready: bool = True
    client_limited: str = ""  # why the load generator was the limit
    holds: float = 100.0  # requests per second that a search finds


def measurement(
    behaviour: Behaviour,
    raw: Object,
    raw_profile: Object,
    *,
    pods: int = 1,
    baseline: Behaviour | None = None,
    baseline_pods: int = 0,
    steady: tuple[datetime, datetime] | None = None,
) -> BenchmarkResult:
    """What the load generator would have measured, in turn with a baseline if there is one."""
    profile = BenchmarkProfile.model_validate(raw_profile).spec
    stages = []
    for stage in profile.stages:
        n = stage.requests
        slow = math.floor(n * behaviour.bench_slow)
        stages.append(
            {
                "name": stage.name,
                "warmUp": stage.warm_up,
                "load": stage.load,
                "requestedRate": stage.rate,
                "achievedRate": stage.rate,
                "answeredRate": stage.rate,
                "seconds": f"{stage.seconds}s",
                "requests": n,
                "errors": 0,
                "overLimit": [
                    {"limit": limit, "requests": slow} for limit in Benchmark.model_validate(raw).spec.limits
                ],
                "scored": n,
                "correct": math.floor(n * behaviour.accuracy),
                "mean": f"{behaviour.mean * 1000:g}ms",
                "blocks": [
                    {"requests": n // 20, "mean": f"{(behaviour.mean + i % 3 * 0.0001) * 1000:.4f}ms"}
                    for i in range(20)
                ],
                "quantiles": dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), "20ms"),
                "sketch": {"growth": "1.05", "bins": f"203:{n - slow},270:{slow}" if slow else f"203:{n}"},
                "scheduleDelayP99": "1ms",
                "clientLimited": behaviour.client_limited,
                "steady": dict(zip(("since", "until"), steady, strict=True))
                if steady and not stage.warm_up
                else None,
            }
        )
    return BenchmarkResult.model_validate(
        {
            "dataset": "sha256:" + "0" * 64,
            "profile": transport.digest(profile),
            "pods": pods,
            "repetition": Benchmark.model_validate(raw).spec.repetition,
            "stages": [*stages, *(probe.dump() for probe in _probes(behaviour, profile.search))],
            "paired": [_turns(behaviour, baseline, stage) for stage in profile.measured] if baseline else [],
            "baselinePods": baseline_pods,
        }
    )


def _probes(behaviour: Behaviour, search: RateSearch | None) -> list[StageResult]:
    return searched(search, holds(behaviour.holds)) if search else []


def _turns(candidate: Behaviour, baseline: Behaviour, stage: LoadStage) -> Object:
    """Ratios to a hundredth; the same inputs are right or wrong in both, as far as the accuracies agree."""
    n = stage.requests
    right = [math.floor(n * behaviour.accuracy) for behaviour in (candidate, baseline)]
    near = {"below": "0.002", "above": "0.002"}
    mean = {
        "baseline": f"{baseline.mean * 1000:g}ms",
        "value": f"{candidate.mean / baseline.mean:.6f}",
        **near,
    }
    return {
        "name": stage.name,
        "turns": 10,
        "requests": n,
        "scored": n,
        "bothCorrect": min(right),
        "onlyCandidate": max(0, right[0] - right[1]),
        "onlyBaseline": max(0, right[1] - right[0]),
        "mean": mean,
        **{q: {"baseline": "20ms", "value": "1", **near} for q in ("p50", "p90", "p95", "p99", "p999")},
        "rate": {"baseline": stage.rate, "value": "1", **near},
    }
