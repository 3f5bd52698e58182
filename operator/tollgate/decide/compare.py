"""A candidate's benchmark against the baseline's, objective by objective, and both as a whole.

An objective is Better or Worse only if the intervals of both arms, each at the budget's confidence, say so beyond the
objective's margin; else it is Equal, which means that no such difference was shown. There is no score: a candidate
that is better here and worse there is a trade-off, for people to decide.

Swapping the arms swaps Better and Worse, so a margin of 5 % means 1.05 times in either direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.hardware import Hardware
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Relation
from tollgate.decide.limits import show
from tollgate.decide.stage_estimates import Alpha, Estimate, NoEstimate, estimate
from tollgate.measure.cost import CostUnknown, PodCost


class ParetoRelation(StrEnum):
    """A candidate against the baseline, over all objectives."""

    DOMINATES = "Dominates"
    EQUAL = "Equal"
    TRADE_OFF = "TradeOff"
    DOMINATED = "Dominated"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Comparison:
    """The relation as a whole, why, and each objective's."""

    relation: ParetoRelation
    message: str
    objectives: Mapping[str, Relation] = field(default_factory=dict)

    def annotate(self, results: Iterable[ObjectiveResult]) -> list[ObjectiveResult]:
        """The results with their relation set."""
        return [
            r.model_copy(update={"relation": self.objectives.get(r.name, Relation.UNKNOWN)}) for r in results
        ]


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a measurement, what one of its pods costs, and what they ran on."""

    result: BenchmarkResult
    cost: PodCost | CostUnknown | None
    hardware: tuple[Hardware, ...] | None = None
    """None where nobody asks, as of results from files; () where it should be known and is not."""

    @property
    def stages(self) -> dict[str, StageResult]:
        """The measured stages by name."""
        return {stage.name: stage for stage in self.result.stages if not stage.warm_up}


@dataclass(frozen=True)
class _Seen:
    """One objective in one stage, compared."""

    objective: str
    relation: Relation
    message: str


def compare_benchmarks(
    objectives: Sequence[Objective],
    candidate: Arm,
    baseline: Arm,
    *,
    confidence: float,
) -> Comparison:
    """How the candidate stands to the baseline; Unknown where they were not measured alike."""
    unlike = _unlike(candidate, baseline)
    if unlike:
        unknown = {o.name: Relation.UNKNOWN for o in objectives}
        return Comparison(
            ParetoRelation.UNKNOWN, f"not comparable with last-good's benchmark: {unlike}", unknown
        )
    names = sorted(candidate.stages.keys() & baseline.stages.keys())
    comparisons = len(objectives) * len(names)
    # Two bounds can each be wrong, in every comparison.
    level = (1 - confidence) / (2 * max(1, comparisons))
    seen = [_compare(o, name, candidate, baseline, level) for o in objectives for name in names]
    relation = pareto(one.relation for one in seen)
    by_name = {o.name: _as_one([s.relation for s in seen if s.objective == o.name]) for o in objectives}
    return Comparison(relation, _message(relation, seen), by_name)


def pareto(relations: Iterable[Relation]) -> ParetoRelation:
    """The relation of the whole from those of its parts."""
    found = set(relations)
    if {Relation.BETTER, Relation.WORSE} <= found:
        return ParetoRelation.TRADE_OFF
    if Relation.UNKNOWN in found or not found:
        return ParetoRelation.UNKNOWN
    if Relation.WORSE in found:
        return ParetoRelation.DOMINATED
    return ParetoRelation.DOMINATES if Relation.BETTER in found else ParetoRelation.EQUAL


def _as_one(relations: Sequence[Relation]) -> Relation:
    """An objective over its stages: the worst counts, and nothing is said where one of them is unknown."""
    for relation in (Relation.WORSE, Relation.UNKNOWN, Relation.BETTER):
        if relation in relations:
            return relation
    return Relation.EQUAL if relations else Relation.UNKNOWN


def _unlike(candidate: Arm, baseline: Arm) -> str:
    """What was different about the two measurements; empty when they can be compared."""
    new, old = candidate.result, baseline.result
    differences = []
    if new.dataset != old.dataset:
        differences.append("the dataset has changed")
    if new.profile != old.profile:
        differences.append("the benchmark profile has changed")
    if new.pods != old.pods:
        differences.append(f"{new.pods} pods were loaded, {old.pods} then")
    elif candidate.hardware is not None and baseline.hardware is not None:
        differences += _other_hardware(candidate.hardware, baseline.hardware)
    return " and ".join(differences)


def _other_hardware(new: Sequence[Hardware], old: Sequence[Hardware]) -> list[str]:
    """How the machines of as many pods differ, with what to do; [] when they are of the same kinds."""
    if not new or not old:
        whose = "the candidate's" if not new else "the baseline's"
        return [f"the hardware of {whose} pods is not known (the operator needs the verb get on nodes)"]
    if list(new) == list(old):
        return []
    now, then = (", ".join(map(str, kinds)) for kinds in (new, old))
    return [f"the hardware is another: of the pods now {now}; then {then}"]


def _compare(o: Objective, stage: str, one: Arm, other: Arm, level: float) -> _Seen:
    arms = []
    for arm in (one, other):
        measured = arm.stages[stage]
        if measured.client_limited:
            return _Seen(
                o.name, Relation.UNKNOWN, f"{o.name}: the load generator was the limit in stage {stage}"
            )
        found = estimate(o, measured, pods=arm.result.pods, cost=arm.cost, alpha=Alpha(low=level, high=level))
        if isinstance(found, NoEstimate):
            return _Seen(o.name, Relation.UNKNOWN, f"{o.name}: {found.why} in stage {stage}")
        arms.append(found)
    relation = relate(arms[0], arms[1], 1 + float(o.margin), lower_is_better=o.max is not None)
    values = f"{show(o, arms[0].value)} against {show(o, arms[1].value)} in stage {stage}"
    return _Seen(o.name, relation, f"{o.name} is {relation.lower()}, {values}")


def relate(candidate: Estimate, baseline: Estimate, factor: float, *, lower_is_better: bool) -> Relation:
    """Two non-negative estimates: which is better by more than `factor` (1 or more), whatever their bounds allow."""
    higher = candidate.low > baseline.high * factor
    lower = candidate.high * factor < baseline.low
    if not higher and not lower:
        return Relation.EQUAL
    return Relation.BETTER if lower == lower_is_better else Relation.WORSE


def _message(relation: ParetoRelation, seen: Sequence[_Seen]) -> str:
    said = {
        ParetoRelation.DOMINATES: (Relation.BETTER,),
        ParetoRelation.DOMINATED: (Relation.WORSE,),
        ParetoRelation.TRADE_OFF: (Relation.WORSE, Relation.BETTER),
        ParetoRelation.UNKNOWN: (Relation.WORSE, Relation.UNKNOWN),
        ParetoRelation.EQUAL: (),
    }[relation]
    parts = [s.message for wanted in said for s in seen if s.relation is wanted]
    if not parts:
        return "no difference from last-good beyond the margins was shown"
    return f"against last-good: {'; '.join(parts)}"[:1024]
