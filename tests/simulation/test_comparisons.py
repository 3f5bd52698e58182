"""A candidate that is no worse must not be called so: the same server measured twice, or slower by just the margin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.simulation.benchmarks import measure
from tests.simulation.chance import at_least, at_most
from tests.unit.decide.objectives import objective
from tollgate.api.comparison import ParetoRelation
from tollgate.api.objective import Objective
from tollgate.api.verdict import Relation
from tollgate.decide.benchmark_verdict import BenchmarkVerdict, benchmark_verdict
from tollgate.decide.compare import Arm

RUNS = 600
CONFIDENCES = (0.8, 0.95)


def objectives(margin: str) -> list[Objective]:
    return [
        objective("Latency", name="tail", statistic="P99", max="250ms", maxRegression=margin),
        objective("Latency", name="mean", statistic="Mean", max="80ms", maxRegression=margin),
        objective("ErrorRate", name="errors", max="1%", maxRegression=margin),
        objective("Quality", name="quality", metric="Accuracy", min="0.9", maxRegression=margin),
        objective("Throughput", name="throughput", min="30req/s", maxRegression=margin),
    ]


def compared(
    judged: Sequence[Objective], confidence: float, *, slower: float = 1.0, runs: int = RUNS, **server: Any
) -> list[BenchmarkVerdict]:
    """A candidate against its baseline, measured afresh in each run."""
    return [
        benchmark_verdict(judged, candidate, baseline, confidence=confidence)
        for candidate, baseline in _measured(slower, runs, **server)
    ]


@cache
def _measured(slower: float, runs: int, **server: Any) -> list[tuple[Arm, Arm]]:
    rng = np.random.default_rng(30)
    return [
        (Arm(measure(rng, slower=slower, **server), None), Arm(measure(rng, **server), None))
        for _ in range(runs)
    ]


def worse(verdicts: Sequence[BenchmarkVerdict], name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """In which runs this objective is called worse."""
    return np.array(
        [any(r.name == name and r.relation is Relation.WORSE for r in v.objectives) for v in verdicts]
    )


@pytest.mark.parametrize("sigma", [0.4, 1.0])
def test_same_server_measured_twice_is_equal(sigma: float) -> None:
    """Even where no margin forgives anything."""
    for confidence in CONFIDENCES:
        verdicts = compared(objectives("0%"), confidence, sigma=sigma)
        assert at_most(1 - confidence, np.array([v.relation is not ParetoRelation.EQUAL for v in verdicts]))


def test_slower_by_the_margin_is_not_called_worse() -> None:
    for confidence in CONFIDENCES:
        verdicts = compared(objectives("5%"), confidence, slower=1.05)
        assert at_most(1 - confidence, np.array([v.relation is not ParetoRelation.EQUAL for v in verdicts]))


@pytest.mark.parametrize("statistic", ["P50", "P95", "P99"])
def test_gap_in_the_latencies_is_no_difference(statistic: str) -> None:
    """One input in twenty takes twenty times as long: p95 is that of an easy one or of a hard one, as it happens."""
    tail = objective("Latency", name="tail", statistic=statistic, max="5s", maxRegression="0%")
    verdicts = compared([tail], 0.95, hard=0.05, runs=400)
    assert at_most(0.05, worse(verdicts, "tail"))


def test_slower_by_far_is_called_worse() -> None:
    """So that the tests above could fail: what is never called worse is never called so wrongly."""
    verdicts = compared(objectives("5%"), 0.95, slower=1.4, runs=200)
    assert at_least(0.99, worse(verdicts, "mean"))
    assert not worse(verdicts, "quality").any()
