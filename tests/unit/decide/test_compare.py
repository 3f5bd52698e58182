from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import ParetoRelation
from tollgate.api.hardware import Hardware
from tollgate.api.transport import write_bins
from tollgate.api.verdict import Relation
from tollgate.decide.compare import Arm, Comparison, change, compare_benchmarks, pareto, relate
from tollgate.decide.ratio import Ratio
from tollgate.measure.cost import CostUnknown, PodCost

ALL = [P99, MEAN, ERRORS, ACCURACY, COST, THROUGHPUT]
CHEAP = PodCost(Decimal("3.60"), "USD")
DEAR = PodCost(Decimal("5.40"), "USD")
BETTER, EQUAL, WORSE, UNKNOWN = Relation.BETTER, Relation.EQUAL, Relation.WORSE, Relation.UNKNOWN


def slower(**fields: Any) -> dict[str, Any]:
    """A stage whose latencies are 1.4 times the good one's (7 bins of 5 % up)."""
    return stage(
        mean="70ms",
        blocks=[{"requests": 120, "mean": f"{70 + (i % 3 - 1)}ms"} for i in range(20)],
        sketch={"growth": "1.05", "bins": write_bins({228: 1800, 236: 480, 245: 100, 250: 20})},
        quantiles={
            "p50": "68ms",
            "p90": "98ms",
            "p95": "110ms",
            "p99": "155ms",
            "p999": "180ms",
            "max": "200ms",
        },
        **fields,
    )


def relations(comparison: Comparison) -> dict[str, Relation]:
    return {seen.objective.name: seen.relation for seen in comparison.worst}


def compared(
    candidate: BenchmarkResult, baseline: BenchmarkResult, cost: PodCost | CostUnknown = CHEAP
) -> Comparison:
    return compare_benchmarks(ALL, Arm(candidate, cost), Arm(baseline, CHEAP), confidence=0.99)


def test_same_measurement_is_equal() -> None:
    same = compared(benchmark(), benchmark())
    assert same.relation is ParetoRelation.EQUAL
    assert set(relations(same).values()) == {EQUAL}
    assert "no difference" in same.message


def test_slower_is_dominated_and_the_other_way_round_dominates() -> None:
    worse = compared(benchmark(slower()), benchmark())
    assert worse.relation is ParetoRelation.DOMINATED
    assert relations(worse)["mean"] is WORSE
    assert relations(worse)["quality"] is EQUAL
    assert "mean is worse, 69.95ms against 49.95ms (+38% to +42%) in stage steady" in worse.message
    better = compared(benchmark(), benchmark(slower()))
    assert better.relation is ParetoRelation.DOMINATES
    assert relations(better)["mean"] is BETTER


def test_dearer_but_faster_is_a_trade_off() -> None:
    trade = compared(benchmark(), benchmark(slower()), cost=DEAR)
    assert trade.relation is ParetoRelation.TRADE_OFF
    assert (relations(trade)["mean"], relations(trade)["cost"]) == (BETTER, WORSE)
    assert trade.message.index("cost is worse") < trade.message.index("mean is better")


def test_less_accurate_is_worse() -> None:
    worse = compared(benchmark(stage(correct=1900)), benchmark())
    assert relations(worse)["quality"] is WORSE
    assert relations(compared(benchmark(), benchmark(stage(correct=1900))))["quality"] is BETTER


def test_within_the_margin_is_equal() -> None:
    near = stage(blocks=[{"requests": 120, "mean": f"{51 + (i % 3 - 1)}ms"} for i in range(20)])
    assert relations(compared(benchmark(near), benchmark()))["mean"] is EQUAL


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dataset": "sha256:" + "c" * 64}, "the dataset has changed"),
        ({"profile": "sha256:" + "c" * 64}, "the benchmark profile has changed"),
        ({"pods": 3}, "3 pods were loaded, 2 then"),
    ],
)
def test_measured_otherwise_is_unknown(fields: dict[str, Any], said: str) -> None:
    unlike = compared(benchmark(**fields), benchmark())
    assert unlike.relation is ParetoRelation.UNKNOWN
    assert said in unlike.message


M5, M6I = Hardware(pods=2, instance_type="m5.xlarge"), Hardware(pods=2, instance_type="m6i.xlarge")


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        ((M5,), (M6I,), "the hardware is another: of the pods now 2 on m5.xlarge; then 2 on m6i.xlarge"),
        ((), (M5,), "the hardware of the candidate's pods is not known"),
        ((M5,), (), "the hardware of the baseline's pods is not known"),
    ],
)
def test_other_hardware_is_unknown(new: tuple[Hardware, ...], old: tuple[Hardware, ...], said: str) -> None:
    unlike = compare_benchmarks(
        ALL, Arm(benchmark(), CHEAP, new), Arm(benchmark(), CHEAP, old), confidence=0.99
    )
    assert unlike.relation is ParetoRelation.UNKNOWN
    assert said in unlike.message


@pytest.mark.parametrize("then", [(M5,), None])
def test_same_hardware_or_none_asked_for_is_compared(then: tuple[Hardware, ...] | None) -> None:
    one, other = Arm(benchmark(), CHEAP, (M5,)), Arm(benchmark(), CHEAP, then)
    assert compare_benchmarks(ALL, one, other, confidence=0.99).relation is ParetoRelation.EQUAL


def test_unknown_cost_leaves_the_whole_unknown() -> None:
    unknown = compared(benchmark(), benchmark(), cost=CostUnknown("no prices"))
    assert unknown.relation is ParetoRelation.UNKNOWN
    assert (relations(unknown)["cost"], relations(unknown)["mean"]) == (UNKNOWN, EQUAL)
    assert "no prices" in unknown.message


def test_limited_client_is_unknown() -> None:
    limited = compared(benchmark(stage(clientLimited="CPU at 100 %")), benchmark())
    assert limited.relation is ParetoRelation.UNKNOWN


def test_dropped_blocks_and_sketch_say_nothing_wrong() -> None:
    bare = stage(blocks=[], sketch={"growth": "1.05", "bins": ""})
    unknown = compared(benchmark(bare), benchmark())
    assert (relations(unknown)["mean"], relations(unknown)["tail"]) == (UNKNOWN, EQUAL)


def test_worst_stage_counts_and_opposite_stages_are_a_trade_off() -> None:
    one = benchmark(stage(), slower(name="burst"))
    other = benchmark(slower(), stage(name="burst"))
    mixed = compared(one, other)
    assert mixed.relation is ParetoRelation.TRADE_OFF
    assert relations(mixed)["mean"] is WORSE


def test_warm_up_is_not_compared() -> None:
    warm = slower(name="warm", warmUp=True)
    assert compared(
        benchmark(warm, stage()), benchmark(stage(name="warm", warmUp=True), stage())
    ).relation is (ParetoRelation.EQUAL)


@pytest.mark.parametrize(
    ("relations", "whole"),
    [
        ([EQUAL, EQUAL], ParetoRelation.EQUAL),
        ([EQUAL, BETTER], ParetoRelation.DOMINATES),
        ([EQUAL, WORSE], ParetoRelation.DOMINATED),
        ([BETTER, WORSE, UNKNOWN], ParetoRelation.TRADE_OFF),
        ([BETTER, UNKNOWN], ParetoRelation.UNKNOWN),
        ([WORSE, UNKNOWN], ParetoRelation.UNKNOWN),
        ([], ParetoRelation.UNKNOWN),
    ],
)
def test_pareto(relations: list[Relation], whole: ParetoRelation) -> None:
    assert pareto(relations) is whole


@pytest.mark.parametrize(
    ("ratio", "relation"),
    [
        (Ratio(2.0, 0.9, 3.0), EQUAL),  # the interval decides, and not the point
        (Ratio(1.2, 1.04, 1.4), EQUAL),  # a part of it is within the margin
        (Ratio(1.2, 1.06, 1.4), WORSE),
        (Ratio(0.8, 0.7, 0.96), EQUAL),
        (Ratio(0.8, 0.7, 0.95), BETTER),
        (Ratio(1.0, 0.0, math.inf), EQUAL),
    ],
)
def test_whole_interval_beyond_the_margin_is_a_difference(ratio: Ratio, relation: Relation) -> None:
    assert relate(ratio, 1.05, lower_is_better=True) is relation
    mirrored = {BETTER: WORSE, WORSE: BETTER}.get(relation, relation)
    assert relate(ratio, 1.05, lower_is_better=False) is mirrored


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(1.4, 1.3604, 1.4404), "+36% to +44%"),
        (Ratio(1.0, 0.97, 1.021), "-3% to +2.1%"),
        (Ratio(9.0, 6.0, math.inf), "+500% or more"),
    ],
)
def test_interval_is_told_as_a_change(ratio: Ratio, said: str) -> None:
    assert change(ratio) == said


def test_numbers_of_each_objective_are_kept() -> None:
    kept = {c.name: c for c in (seen.result() for seen in compared(benchmark(slower()), benchmark()).worst)}
    assert (kept["mean"].candidate, kept["mean"].baseline, kept["mean"].ratio) == (
        "69.95ms",
        "49.95ms",
        "1.4",
    )
    assert 1.3 < float(kept["mean"].low) < 1.4 < float(kept["mean"].high) < 1.5
    assert (kept["errorrate"].low, kept["errorrate"].high) == ("0", ""), "no failure bounds no ratio"
    unknown = compared(benchmark(), benchmark(), cost=CostUnknown("no prices")).worst
    assert next(s.result().ratio for s in unknown if s.objective.name == "cost") == ""


def test_an_objective_that_was_not_compared_is_unknown() -> None:
    comparison = compared(benchmark(slower()), benchmark())
    assert (comparison.of("mean"), comparison.of("stranger")) == (WORSE, UNKNOWN)
    assert comparison.shows(WORSE)
    assert not comparison.shows(BETTER)
