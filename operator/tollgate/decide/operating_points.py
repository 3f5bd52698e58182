"""Operating points: their grid, what was measured at each, which are feasible, and which is the cheapest. Pure.

What is feasible is certified: of all points together, the chance that one is called so at which an objective does not
hold is at most 1 - confidence (Bonferroni), so that the cheapest may be chosen of them all. Which point dominates
which is told by what was measured, without a margin: it shows where to look, and no release is decided by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.facts import NOTHING_KNOWN, Facts
from tollgate.api.load import LoadStage
from tollgate.api.objective import Objective
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.protocol import Parameter
from tollgate.api.sweep import OperatingPoint, Point, Setting, Sweep
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.limits import count
from tollgate.measure.cost import CostUnknown, PodCost

_PER = 1000
"""Good answers that a cost and an energy are of."""


@dataclass(frozen=True)
class Terms:
    """What makes a point feasible: every objective, at a confidence that all the points share."""

    objectives: Sequence[Objective]
    confidence: float


def grid(sweep: Sweep) -> list[Point]:
    """All combinations; those with the same environment, which share a copy, are neighbours."""
    environments = product(*([Setting(name=s.name, value=v) for v in s.values] for s in sweep.environment))
    fields = list(product(*([Parameter(name=s.name, value=v) for v in s.values] for s in sweep.parameters)))
    loads = [{"rate": rate} for rate in sweep.rates] + [{"concurrency": c} for c in sweep.concurrencies] or [
        {}
    ]
    return [
        Point.model_validate({"environment": list(environment), "parameters": list(chosen), **load})
        for environment in environments
        for chosen in fields
        for load in loads
    ]


def at_point(profile: BenchmarkProfileSpec, point: Point | None) -> BenchmarkProfileSpec:
    """The profile as it loads the model at a point, or, without one, in a benchmark that is no sweep.

    ValueError where such a load cannot be.
    """
    alone = profile.model_copy(update={"sweep": None})
    if point is None:
        return alone
    kept = [p for p in profile.parameters if p.name not in {chosen.name for chosen in point.parameters}]
    return BenchmarkProfileSpec.model_validate(
        alone.dump()
        | {
            "search": None,
            "parameters": [p.dump() for p in (*kept, *point.parameters)],
            "stages": [stage.dump() if stage.warm_up else _loaded(stage, point) for stage in profile.stages],
        }
    )


def _loaded(stage: LoadStage, point: Point) -> dict[str, object]:
    own = stage.dump()
    if point.rate is None and point.concurrency is None:
        return own
    kept = {key: value for key, value in own.items() if key not in ("rate", "concurrency", "scenario")}
    return kept | ({"rate": point.rate} if point.rate else {"concurrency": point.concurrency})


def sweep_problem(profile: BenchmarkProfileSpec) -> str:
    """Why the profile has no operating points that could be measured; "" when it has."""
    if profile.sweep is None:
        return "the profile has no sweep: add one, with what is to be varied"
    for number, point in enumerate(grid(profile.sweep), start=1):
        try:
            at_point(profile, point)
        except ValueError as error:
            first = str(error).splitlines()
            return (
                f"point {number} ({point}) cannot be loaded: {first[2].strip() if len(first) > 2 else error}"[
                    :1024
                ]
            )
    return ""


def measured_point(
    number: int,
    point: Point,
    result: BenchmarkResult,
    cost: PodCost | CostUnknown,
    terms: Terms | None,
    points: int,
    facts: Facts = NOTHING_KNOWN,
) -> OperatingPoint:
    """What was measured at one of so many points, and whether it is feasible."""
    stage = next(stage for stage in result.declared if not stage.warm_up)
    found = OperatingPoint(number=number, settings=str(point), phase="Measured")
    if stage.client_limited:
        return found.model_copy(
            update={
                "feasible": "Unknown" if terms else "",
                "message": f"the load generator was the limit, not the server: {stage.client_limited}"[:1024],
            }
        )
    rate = float(units.parse_rate(stage.answered_rate))
    known = isinstance(cost, PodCost) and rate > 0
    shown = {
        "quality": units.format_percent(stage.correct / stage.scored) if stage.scored else "",
        "p99": stage.quantiles.p99,
        "throughput": stage.answered_rate,
        "energy": _energy(stage, rate),
        "cost": _cost(stage, result.pods, cost) if known and isinstance(cost, PodCost) else "",
    }
    return found.model_copy(update=shown | (_feasible(result, cost, facts, terms, points) if terms else {}))


def _energy(stage: StageResult, rate: float) -> str | None:
    """Of the steady part, by the good answers that came in it."""
    if stage.server is None or stage.server.energy is None or stage.steady is None or not rate:
        return None
    answers = rate * (stage.steady.until - stage.steady.since).total_seconds()
    return units.format_energy(float(units.parse_energy(stage.server.energy)) / answers * _PER)


def _cost(stage: StageResult, pods: int, cost: PodCost) -> str:
    each = cost.per_second * pods / float(units.parse_rate(stage.answered_rate))
    return units.format_money(each * _PER, cost.currency)


def _feasible(
    result: BenchmarkResult, cost: PodCost | CostUnknown, facts: Facts, terms: Terms, points: int
) -> dict[str, str]:
    each = 1 - (1 - terms.confidence) / points
    found = judge_benchmark(terms.objectives, result, confidence=each, cost=cost, facts=facts)
    for verdict, word in ((Verdict.BREACH, "No"), (Verdict.INCONCLUSIVE, "Unknown")):
        if against := [r for r in found if r.verdict is verdict and r.reason is not Reason.NOT_JUDGED_HERE]:
            return {"feasible": word, "message": _why(against)}
    return {"feasible": "Yes"}


def _why(results: Sequence[ObjectiveResult]) -> str:
    return "; ".join(f"{r.name}: {r.message}" for r in results)[:1024]


def with_dominance(points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    """The points, those marked that another dominates: by the first that does and is on the frontier."""
    front = [p for p in points if _measured(p) and not any(_dominates(q, p) for q in points)]
    return [
        p.model_copy(update={"dominated_by": next((q.number for q in front if _dominates(q, p)), None)})
        for p in points
    ]


def _measured(point: OperatingPoint) -> bool:
    return bool(point.p99)


def _dominates(one: OperatingPoint, other: OperatingPoint) -> bool:
    """Whether it is as good in all that both have, and better in one."""
    if not (_measured(one) and _measured(other)):
        return False
    pairs = [
        (a, b) for a, b in zip(_merits(one), _merits(other), strict=True) if a is not None and b is not None
    ]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _merits(point: OperatingPoint) -> tuple[float | None, ...]:
    """Quality, tail, throughput, cost and energy, more is better; None where it is not known."""
    return (
        float(units.parse_percent(point.quality)) if point.quality else None,
        -float(units.parse_duration(point.p99)) if point.p99 else None,
        float(units.parse_rate(point.throughput)) if point.throughput else None,
        -_price(point) if point.cost else None,
        -float(units.parse_energy(point.energy)) if point.energy else None,
    )


def _price(point: OperatingPoint) -> float:
    return float(units.parse_money(point.cost).amount)


def cheapest(points: Sequence[OperatingPoint]) -> OperatingPoint | None:
    """The feasible point of the least cost, the better quality where two are equal; None where no cost is known."""
    priced = [p for p in points if p.feasible == "Yes" and p.cost]
    return min(priced, key=lambda p: (_price(p), -(_merits(p)[0] or 0), p.number), default=None)


def told(points: Sequence[OperatingPoint], *, judged: bool) -> str:
    """The outcome as a sentence."""
    failed = sum(p.phase == "Failed" for p in points)
    front = sum(_measured(p) and p.dominated_by is None for p in points)
    said = [f"{count(len(points), 'point')}, {front} on the frontier"]
    if failed:
        said.append(f"{failed} not measured")
    if not judged:
        return ", ".join(said)
    said.append(f"{sum(p.feasible == 'Yes' for p in points)} feasible")
    best = cheapest(points)
    if best is not None:
        which = f"the cheapest feasible one is point {best.number} ({best.settings})"
        why = f"{best.cost} per 1,000 answers, p99 {best.p99}" + (
            f", quality {best.quality}" if best.quality else ""
        )
        return f"{', '.join(said)}; {which}: {why}"
    if any(p.feasible == "Yes" for p in points):
        return f"{', '.join(said)}; which is the cheapest is not known without prices"
    return f"{', '.join(said)}: see status.operatingPoints[*].message for what each breaches or lacks"
