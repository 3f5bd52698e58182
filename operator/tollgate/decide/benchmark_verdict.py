"""From a finished benchmark to what is decided by: each objective against its limit, and all against the baseline.

The operator and `tollgate check` both come through here, so a release passes in CI exactly when it passes the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from tollgate.api.comparison import ParetoRelation
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.decide.compare import Arm, compare_benchmarks
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


class Outcome(StrEnum):
    """What a benchmark means for a release, if nobody says otherwise."""

    WITHIN = "Within"
    BREACH = "Breach"
    INCONCLUSIVE = "Inconclusive"
    NEEDS_SIGN_OFF = "NeedsSignOff"


def outcome(
    said: BenchmarkVerdict, trade_offs: Literal["RequireSignOff", "Forbid", "Allow"], *, compared: bool
) -> Outcome:
    """A breach outweighs all; what got worse than the baseline counts once every objective is within its limit."""
    verdicts = {r.verdict for r in said.objectives}
    if Verdict.BREACH in verdicts:
        return Outcome.BREACH
    if Verdict.INCONCLUSIVE in verdicts:
        return Outcome.INCONCLUSIVE
    if not compared or trade_offs == "Allow":
        return Outcome.WITHIN
    if any(r.relation is Relation.WORSE for r in said.objectives):
        return Outcome.BREACH if trade_offs == "Forbid" else Outcome.NEEDS_SIGN_OFF
    return Outcome.INCONCLUSIVE if said.relation is ParetoRelation.UNKNOWN else Outcome.WITHIN
