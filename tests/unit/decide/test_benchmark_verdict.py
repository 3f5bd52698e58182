from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import COST, MEAN, P99, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import ParetoRelation
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.decide.benchmark_verdict import (
    ApprovedArm,
    BenchmarkVerdict,
    Outcome,
    benchmark_verdict,
    outcome,
)
from tollgate.decide.compare import Arm, pareto
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


def mean_of(milliseconds: float) -> BenchmarkResult:
    blocks = [{"requests": 120, "mean": f"{milliseconds + (i % 3 - 1) / 10}ms"} for i in range(20)]
    return benchmark(stage(mean=f"{milliseconds}ms", blocks=blocks))


@pytest.mark.parametrize(
    ("mean", "price", "relation", "to_approved"),
    [
        (53, "3.60", Relation.EQUAL, Relation.WORSE),  # a little slower still
        (53, "2.60", Relation.EQUAL, Relation.WORSE),  # cheaper, and a little slower still
        (52, "2.60", Relation.EQUAL, None),  # cheaper, and no slower than what serves
        (51, "3.60", Relation.EQUAL, Relation.EQUAL),
    ],
)
def test_a_gain_does_not_carry_through_what_creeps(
    mean: float, price: str, relation: Relation, to_approved: Relation | None
) -> None:
    said = benchmark_verdict(
        [MEAN, COST],
        Arm(mean_of(mean), PodCost(Decimal(price), "USD")),
        Arm(mean_of(52), CHEAP),
        confidence=0.99,
        approved=ApprovedArm(Arm(mean_of(49), CHEAP), 1),
    )
    assert (said.objectives[0].relation, said.objectives[0].relation_to_approved) == (relation, to_approved)
    assert ("Small losses have added up" in said.message) is (to_approved is Relation.WORSE)


def test_an_approved_baseline_that_was_measured_otherwise_is_told() -> None:
    other = benchmark(dataset="sha256:" + "c" * 64)
    said = benchmark_verdict(
        [MEAN],
        Arm(benchmark(), None),
        Arm(benchmark(), None),
        confidence=0.99,
        approved=ApprovedArm(Arm(other, None), 1),
    )
    assert said.relation is ParetoRelation.EQUAL
    assert said.objectives[0].relation_to_approved is Relation.UNKNOWN
    assert "Small losses were not added up: not comparable" in said.message
    assert "the dataset has changed" in said.message


def test_a_breach_stays_one_whatever_the_baseline_did() -> None:
    bad = benchmark(stage(overLimit=[{"limit": "250ms", "requests": 300}]))
    said = benchmark_verdict([P99], Arm(bad, None), Arm(bad, None), confidence=0.99)
    assert said.objectives[0].verdict is Verdict.BREACH
    assert said.relation is ParetoRelation.EQUAL


@pytest.mark.parametrize(
    ("verdicts", "relations", "trade_offs", "meant"),
    [
        ("WW", "EE", "RequireSignOff", Outcome.WITHIN),
        ("WB", "EE", "Allow", Outcome.BREACH),
        ("IB", "WW", "RequireSignOff", Outcome.BREACH),
        ("WI", "EW", "RequireSignOff", Outcome.INCONCLUSIVE),
        ("WW", "BW", "RequireSignOff", Outcome.NEEDS_SIGN_OFF),
        ("WW", "UW", "RequireSignOff", Outcome.NEEDS_SIGN_OFF),
        ("WW", "BW", "Forbid", Outcome.BREACH),
        ("WW", "BW", "Allow", Outcome.WITHIN),
        ("WW", "BU", "RequireSignOff", Outcome.INCONCLUSIVE),
        ("WW", "BU", "Forbid", Outcome.INCONCLUSIVE),
        ("WW", "BU", "Allow", Outcome.WITHIN),
    ],
)
def test_what_a_benchmark_means(verdicts: str, relations: str, trade_offs: Any, meant: Outcome) -> None:
    results = tuple(
        ObjectiveResult(
            name=f"o{number}",
            verdict=next(v for v in Verdict if v.value[0] == verdict),
            relation=next(r for r in Relation if r.value[0] == relation),
        )
        for number, (verdict, relation) in enumerate(zip(verdicts, relations, strict=True))
    )
    said = BenchmarkVerdict(results, pareto([r.relation for r in results if r.relation]), "")
    assert outcome(said, trade_offs, compared=True) is meant
    unrelated = tuple(r.model_copy(update={"relation": None}) for r in results)
    alone = outcome(BenchmarkVerdict(unrelated, ParetoRelation.UNKNOWN, ""), trade_offs, compared=False)
    assert (alone is Outcome.WITHIN) == (set(verdicts) == {"W"})
