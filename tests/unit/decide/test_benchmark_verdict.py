from __future__ import annotations

from decimal import Decimal

from tests.unit.decide.objectives import COST, MEAN, P99, benchmark, stage
from tollgate.api.verdict import Relation, Verdict
from tollgate.decide.benchmark_verdict import benchmark_verdict
from tollgate.decide.compare import Arm, ParetoRelation
from tollgate.measure.cost import PodCost

CHEAP, DEAR = PodCost(Decimal("3.60"), "USD"), PodCost(Decimal("5.40"), "USD")


def test_without_a_baseline_the_limits_alone_are_judged() -> None:
    said = benchmark_verdict([P99, MEAN], Arm(benchmark(), CHEAP), None, confidence=0.99)
    assert [r.verdict for r in said.objectives] == [Verdict.WITHIN, Verdict.WITHIN]
    assert [r.relation for r in said.objectives] == [None, None]
    assert said.relation is ParetoRelation.UNKNOWN
    assert "no recorded benchmark" in said.message


def test_each_arm_has_its_own_cost() -> None:
    said = benchmark_verdict([MEAN, COST], Arm(benchmark(), DEAR), Arm(benchmark(), CHEAP), confidence=0.99)
    assert {r.name: r.relation for r in said.objectives} == {"mean": Relation.EQUAL, "cost": Relation.WORSE}
    assert said.relation is ParetoRelation.DOMINATED


def test_a_breach_stays_one_whatever_the_baseline_did() -> None:
    bad = benchmark(stage(overLimit=[{"limit": "250ms", "requests": 300}]))
    said = benchmark_verdict([P99], Arm(bad, None), Arm(bad, None), confidence=0.99)
    assert said.objectives[0].verdict is Verdict.BREACH
    assert said.relation is ParetoRelation.EQUAL
