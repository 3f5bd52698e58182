"""Ten releases, with the noise of real benchmarks: 1 % a release must be flagged although no step was."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tests.simulation.benchmarks import measure
from tests.simulation.chance import at_least, at_most
from tests.unit.decide.objectives import objective
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.verdict import Relation
from tollgate.decide.benchmark_verdict import ApprovedArm, BenchmarkVerdict, benchmark_verdict
from tollgate.decide.compare import Arm

RELEASES, RUNS, CONFIDENCE = 10, 100, 0.95
REQUESTS = 4800  # two minutes at 40 requests/s
OBJECTIVES = [
    objective("Latency", name="mean", statistic="Mean", max="80ms"),
    objective("Latency", name="tail", statistic="P99", max="250ms"),
]


def releases(growth: float) -> list[list[BenchmarkVerdict]]:
    """In each run the verdicts on ten releases, each so much slower than the one before; the first is approved."""
    rng = np.random.default_rng(42)

    def benchmark_of(number: int) -> BenchmarkResult:
        return measure(rng, slower=growth**number, sigma=0.2, requests=REQUESTS)

    runs = []
    for _ in range(RUNS):
        measured = [Arm(benchmark_of(number), None) for number in range(RELEASES)]
        runs.append(
            [
                benchmark_verdict(
                    OBJECTIVES,
                    candidate,
                    last_good,
                    confidence=CONFIDENCE,
                    approved=ApprovedArm(measured[0], 1),
                )
                for last_good, candidate in pairwise(measured[1:])
            ]
        )
    return runs


def flagged(run: list[BenchmarkVerdict]) -> bool:
    return any(r.relation_to_approved is Relation.WORSE for said in run for r in said.objectives)


def stepped(run: list[BenchmarkVerdict]) -> bool:
    return any(r.relation is Relation.WORSE for said in run for r in said.objectives)


def test_one_percent_a_release_is_flagged_by_the_tenth_and_no_step_is() -> None:
    runs = releases(1.01)
    assert at_least(0.95, np.array([flagged(run) for run in runs]))
    assert not any(stepped(run) for run in runs)


def test_nothing_is_flagged_where_nothing_creeps() -> None:
    runs = releases(1.0)
    assert at_most(1 - CONFIDENCE, np.array([flagged(run) or stepped(run) for run in runs]))
