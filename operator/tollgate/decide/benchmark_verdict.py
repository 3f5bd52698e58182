"""From a finished benchmark to what is decided by: each objective against its limit, and all against the baseline.

The operator and `tollgate check` both come through here, so a release passes in CI exactly when it passes the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from tollgate.api.comparison import Against, ParetoRelation
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Relation, Verdict
from tollgate.decide.approval import worsened
from tollgate.decide.compare import Arm, Comparison, compare_benchmarks, compare_in_turn
from tollgate.decide.creep import losses
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.levels import FIRST_LOOKS, Looks
from tollgate.decide.paired import InTurn
from tollgate.decide.pooling import pooled

NOTHING_TO_COMPARE_WITH = "there is no recorded benchmark of last-good to compare with yet"


@dataclass(frozen=True)
class ApprovedArm:
    """The approved baseline's measurement, and the number of its release; 0 where it is not known."""

    arm: Arm
    release: int = 0

    def __str__(self) -> str:
        return "the approved baseline" + (f" (release {self.release})" if self.release else "")


@dataclass(frozen=True)
class BenchmarkVerdict:
    """One result an objective, in their order, and how the candidate stands to the baseline, and why.

    `comparisons` are those that were made: with last-good, and with the approved baseline.
    """

    objectives: tuple[ObjectiveResult, ...]
    relation: ParetoRelation
    message: str
    comparisons: Mapping[Against, Comparison] = field(default_factory=dict)


def benchmark_verdict(
    objectives: Sequence[Objective],
    candidate: Arm,
    baseline: Arm | InTurn | None,
    *,
    confidence: float,
    approved: ApprovedArm | None = None,
    repeats: Sequence[Arm] = (),
    looks: Looks = FIRST_LOOKS,
) -> BenchmarkVerdict:
    """Judge a candidate; without a baseline the relation is Unknown, and no objective has one.

    What later measurements of it counted, the `repeats`, is added for the limits. The comparisons are made once, with
    the first, which met the arrivals and inputs that the baseline met: to look again until no difference shows would be
    a way around them.
    """
    counted = pooled([candidate.result, *(arm.result for arm in repeats)])
    results = judge_benchmark(
        objectives, counted, confidence=confidence, cost=candidate.cost, facts=candidate.facts, looks=looks
    )
    # A difference from either counts, so the two comparisons share alpha.
    each = 1 - (1 - confidence) / max(1, (baseline is not None) + (approved is not None))
    made: dict[Against, Comparison] = {}
    relation, message = ParetoRelation.UNKNOWN, NOTHING_TO_COMPARE_WITH
    if baseline is not None:
        if isinstance(baseline, InTurn):
            step = compare_in_turn(objectives, candidate, baseline, confidence=each)
        else:
            step = compare_benchmarks(objectives, candidate, baseline, confidence=each)
        made[Against.LAST_GOOD] = step
        relation, message = step.relation, step.message
        results = [r.model_copy(update={"relation": step.of(r.name)}) for r in results]
    if approved is not None:
        since = compare_benchmarks(
            objectives, candidate, approved.arm, confidence=each, against=str(approved)
        )
        made[Against.APPROVED] = since
        excused = _excused(objectives, made.get(Against.LAST_GOOD), since)
        results = [
            r if r.name in excused else r.model_copy(update={"relation_to_approved": since.of(r.name)})
            for r in results
        ]
        if any(r.relation_to_approved is Relation.WORSE for r in results):
            message = f"{message}. Small losses have added up: {since.message}"[:1024]
        elif not since.worst:
            message = f"{message}. Small losses were not added up: {since.message}"[:1024]
    return BenchmarkVerdict(tuple(results), relation, message, made)


def _excused(objectives: Sequence[Objective], step: Comparison | None, since: Comparison) -> set[str]:
    """Objectives that may stay worse than the approved baseline: what serves is no better in them.

    A version that dominates last-good is not held for what was lost before it: refusing it would keep the worse one
    serving. But its gain must not carry through what it goes on losing, within the margin.
    """
    if step is None or step.relation is not ParetoRelation.DOMINATES:
        return set()
    worse = {o.name for o in objectives if since.of(o.name) is Relation.WORSE}
    return worse - losses(step.result(Against.LAST_GOOD), objectives)


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
    judged = [r for r in said.objectives if r.reason is not Reason.NOT_JUDGED_HERE]
    verdicts = {r.verdict for r in judged} or {Verdict.INCONCLUSIVE}
    if Verdict.BREACH in verdicts:
        return Outcome.BREACH
    if Verdict.INCONCLUSIVE in verdicts:
        return Outcome.INCONCLUSIVE
    if trade_offs == "Allow":
        return Outcome.WITHIN
    if worsened(said.objectives):
        return Outcome.BREACH if trade_offs == "Forbid" else Outcome.NEEDS_SIGN_OFF
    unknown = compared and said.relation is ParetoRelation.UNKNOWN
    return Outcome.INCONCLUSIVE if unknown else Outcome.WITHIN
