"""A candidate's benchmark against the baseline's, objective by objective, and both as a whole.

Of each objective the interval of the ratio decides: Worse where all of it lies beyond the objective's margin on the bad
side, Better where all of it does on the good side, else Equal, which means that no such difference was shown. There is
no score: a candidate that is better here and worse there is a trade-off, for people to decide. The budget's alpha is
shared by both ends of the ratios of all objectives in all stages.

Swapping the arms swaps Better and Worse, so a margin of 5 % means 1.05 times in either direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.comparison import Against, ComparisonResult, ObjectiveComparison, ParetoRelation
from tollgate.api.facts import Facts
from tollgate.api.hardware import Hardware
from tollgate.api.objective import Objective
from tollgate.api.verdict import Relation
from tollgate.decide.estimates import Loaded, NoEstimate
from tollgate.decide.limits import show
from tollgate.decide.paired import InTurn, Pods, compare_turns
from tollgate.decide.ratio import Compared, Ratio, Side, compare_stage
from tollgate.measure.cost import CostUnknown, PodCost

_LARGEST = 1e9
"""A larger ratio is not written."""


@dataclass(frozen=True)
class Seen:
    """One objective in one stage, compared; `ratio` is None where it could not be, and `why` says why."""

    objective: Objective
    stage: str
    relation: Relation
    values: Compared | None = None
    why: str = ""

    def __str__(self) -> str:
        if self.values is None:
            return f"{self.objective.name}: {self.why} in stage {self.stage}"
        return (
            f"{self.objective.name} is {self.relation.lower()}, {show(self.objective, self.values.candidate)} against "
            f"{show(self.objective, self.values.baseline)} ({change(self.values.ratio)}) in stage {self.stage}"
        )

    @property
    def badness(self) -> float:
        """Over 1 where the candidate looks worse."""
        if self.values is None:
            return 1.0
        value = self.values.ratio.value
        return value if self.objective.max is not None else 1 / value if value else math.inf

    def result(self) -> ObjectiveComparison:
        """As status and records carry it."""
        common = {"name": self.objective.name, "relation": self.relation, "stage": self.stage}
        if self.values is None:
            return ObjectiveComparison(**common)
        ratio = self.values.ratio
        return ObjectiveComparison(
            **common,
            candidate=show(self.objective, self.values.candidate),
            baseline=show(self.objective, self.values.baseline),
            ratio=_factor(ratio.value),
            low=_factor(ratio.low),
            high=_factor(ratio.high),
        )


@dataclass(frozen=True)
class Comparison:
    """The relation as a whole, why, and of each objective the stage in which it did worst."""

    relation: ParetoRelation
    message: str
    worst: tuple[Seen, ...] = ()

    def result(self, against: Against) -> ComparisonResult:
        """As status and records carry it."""
        return ComparisonResult(
            against=against,
            relation=self.relation,
            message=self.message,
            objectives=[seen.result() for seen in self.worst],
        )

    def of(self, objective: str) -> Relation:
        """The relation of the objective of that name."""
        return next((s.relation for s in self.worst if s.objective.name == objective), Relation.UNKNOWN)

    def shows(self, relation: Relation) -> bool:
        """Whether any objective has that relation."""
        return any(seen.relation is relation for seen in self.worst)


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a measurement, what one of its pods costs, and what they ran on."""

    result: BenchmarkResult
    cost: PodCost | CostUnknown | None
    hardware: tuple[Hardware, ...] | None = None
    """None where nobody asks, as of results from files; () where it should be known and is not."""
    facts: Facts = field(default_factory=Facts)

    @property
    def pods(self) -> Loaded:
        """The pods that were loaded."""
        return Loaded(self.result.pods, self.cost, self.facts)

    @property
    def stages(self) -> dict[str, StageResult]:
        """The measured stages of a steady rate, by name: of another load nothing is certified, so nothing compared.

        Of a stage that is repeated its first run, of which the spread of each quantile is known.
        """
        measured = [stage for stage in self.result.stages if not stage.warm_up]
        return {stage.name: stage for stage in reversed(measured) if stage.load is None}

    def side(self, stage: str) -> Side:
        """One measured stage."""
        return Side(self.stages[stage], self.pods, self.result.repetition)


def compare_benchmarks(
    objectives: Sequence[Objective],
    candidate: Arm,
    baseline: Arm,
    *,
    confidence: float,
    against: str = "last-good",
) -> Comparison:
    """How the candidate stands to the baseline, which messages call `against`; Unknown if not measured alike."""
    unlike = _unlike(candidate, baseline)
    if unlike:
        return Comparison(ParetoRelation.UNKNOWN, f"not comparable with {against}'s benchmark: {unlike}")
    names = sorted(candidate.stages.keys() & baseline.stages.keys())

    def stage(o: Objective, name: str, alpha: float) -> Compared | NoEstimate:
        return compare_stage(o, candidate.side(name), baseline.side(name), alpha=alpha)

    return _over_stages(objectives, names, stage, confidence=confidence, against=against)


def compare_in_turn(
    objectives: Sequence[Objective],
    candidate: Arm,
    baseline: InTurn,
    *,
    confidence: float,
    against: str = "last-good",
) -> Comparison:
    """The same of a baseline that was loaded in turn with the candidate, in the same benchmark."""
    result = candidate.result
    if result.pods != result.baseline_pods:
        unlike = f"{result.pods} of its pods were loaded, {result.baseline_pods} of the baseline"
    else:
        unlike = " and ".join(_other_hardware(candidate.hardware, baseline.hardware))
    if unlike:
        return Comparison(ParetoRelation.UNKNOWN, f"not comparable with {against} in turn: {unlike}")
    pods = Pods(result.pods, candidate.cost), Pods(result.baseline_pods, baseline.cost)
    stages = {stage.name: stage for stage in result.paired}

    def stage(o: Objective, name: str, alpha: float) -> Compared | NoEstimate:
        return compare_turns(o, stages[name], *pods, alpha=alpha)

    return _over_stages(objectives, sorted(stages), stage, confidence=confidence, against=against)


def _over_stages(
    objectives: Sequence[Objective],
    names: Sequence[str],
    compare: Callable[[Objective, str, float], Compared | NoEstimate],
    *,
    confidence: float,
    against: str,
) -> Comparison:
    objectives = [o for o in objectives if o.shape.benchmark]
    alpha = (1 - confidence) / (2 * max(1, len(objectives) * len(names)))
    seen = [
        _seen(
            o, name, compare(o, name, alpha) if name in names else NoEstimate("there is nothing to compare")
        )
        for o in objectives
        for name in ([o.stage] if o.stage and names else names)
    ]
    relation = pareto(one.relation for one in seen)
    worst = tuple(_worst([s for s in seen if s.objective is o]) for o in objectives) if names else ()
    return Comparison(relation, _message(relation, seen, against), worst)


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


def _worst(stages: Sequence[Seen]) -> Seen:
    """An objective over its stages: the worst counts, and nothing is said where one of them is unknown."""
    order = (Relation.WORSE, Relation.UNKNOWN, Relation.BETTER, Relation.EQUAL)
    return min(stages, key=lambda seen: (order.index(seen.relation), -seen.badness))


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
    else:
        differences += _other_hardware(candidate.hardware, baseline.hardware)
    return " and ".join(differences)


def _other_hardware(new: Sequence[Hardware] | None, old: Sequence[Hardware] | None) -> list[str]:
    """How the machines of as many pods differ, with what to do; [] when they are of the same kinds, or nobody asks."""
    if new is None or old is None:
        return []
    if not new or not old:
        whose = "the candidate's" if not new else "the baseline's"
        return [f"the hardware of {whose} pods is not known (the operator needs the verb get on nodes)"]
    if list(new) == list(old):
        return []
    now, then = (", ".join(map(str, kinds)) for kinds in (new, old))
    return [f"the hardware is another: of the pods now {now}; then {then}"]


def _seen(o: Objective, stage: str, found: Compared | NoEstimate) -> Seen:
    if isinstance(found, NoEstimate):
        return Seen(o, stage, Relation.UNKNOWN, why=found.why)
    return Seen(o, stage, relate(found.ratio, 1 + float(o.margin), lower_is_better=o.max is not None), found)


def relate(ratio: Ratio, factor: float, *, lower_is_better: bool) -> Relation:
    """Better or worse by more than `factor` (1 or more), wherever in its interval the ratio is; else Equal."""
    higher = ratio.low > factor
    lower = ratio.high * factor < 1
    if not higher and not lower:
        return Relation.EQUAL
    return Relation.BETTER if lower == lower_is_better else Relation.WORSE


def change(ratio: Ratio) -> str:
    """The interval of a ratio as a change: `+36% to +44%`, or `+36% or more`."""
    return f"{_signed(ratio.low)} {f'to {_signed(ratio.high)}' if ratio.high < _LARGEST else 'or more'}"


def _signed(factor: float) -> str:
    sign = "-" if factor < 1 else "+"
    return sign + units.format_percent(abs(factor - 1), 2)


def _factor(value: float) -> str:
    return units.format_number(value, 4) if value < _LARGEST else ""


def _message(relation: ParetoRelation, seen: Sequence[Seen], against: str) -> str:
    said = {
        ParetoRelation.DOMINATES: (Relation.BETTER,),
        ParetoRelation.DOMINATED: (Relation.WORSE,),
        ParetoRelation.TRADE_OFF: (Relation.WORSE, Relation.BETTER),
        ParetoRelation.UNKNOWN: (Relation.WORSE, Relation.UNKNOWN),
        ParetoRelation.EQUAL: (),
    }[relation]
    parts = [str(s) for wanted in said for s in seen if s.relation is wanted]
    if parts:
        return f"against {against}: {'; '.join(parts)}"[:1024]
    told = [s for s in seen if s.values is not None and s.values.ratio.high < _LARGEST]
    ranges = ", ".join(f"{s.objective.name} {change(s.values.ratio)}" for s in told if s.values)
    return f"no difference from {against} beyond the margins was shown ({ranges or 'too few requests'})"[
        :1024
    ]
