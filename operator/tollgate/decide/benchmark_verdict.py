"""From a finished benchmark to what is decided by: each objective against its limit, and all against the baseline.

The operator and `tollgate check` both come through here, so a release passes in CI exactly when it passes the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.compare import Arm, ParetoRelation, compare_benchmarks
from tollgate.decide.judge_benchmark import judge_benchmark

NOTHING_TO_COMPARE_WITH = "there is no recorded benchmark of last-good to compare with yet"


@dataclass(frozen=True)
class BenchmarkVerdict:
    """One result an objective, in their order, and how the candidate stands to the baseline, and why."""

    objectives: tuple[ObjectiveResult, ...]
    relation: ParetoRelation
    message: str


def benchmark_verdict(
    objectives: Sequence[Objective], candidate: Arm, baseline: Arm | None, *, confidence: float
) -> BenchmarkVerdict:
    """Judge a candidate; without a baseline the relation is Unknown, and no objective has one."""
    results = judge_benchmark(objectives, candidate.result, confidence=confidence, cost=candidate.cost)
    if baseline is None:
        return BenchmarkVerdict(tuple(results), ParetoRelation.UNKNOWN, NOTHING_TO_COMPARE_WITH)
    comparison = compare_benchmarks(objectives, candidate, baseline, confidence=confidence)
    return BenchmarkVerdict(tuple(comparison.annotate(results)), comparison.relation, comparison.message)
