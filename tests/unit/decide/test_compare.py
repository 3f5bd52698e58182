from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.hardware import Hardware
from tollgate.api.transport import write_bins
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.decide.compare import Arm, Comparison, ParetoRelation, compare_benchmarks, pareto, relate
from tollgate.decide.stage_estimates import Estimate
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


def compared(
    candidate: BenchmarkResult, baseline: BenchmarkResult, cost: PodCost | CostUnknown = CHEAP
) -> Comparison:
    return compare_benchmarks(ALL, Arm(candidate, cost), Arm(baseline, CHEAP), confidence=0.99)


def test_same_measurement_is_equal() -> None:
    same = compared(benchmark(), benchmark())
    assert same.relation is ParetoRelation.EQUAL
    assert set(same.objectives.values()) == {EQUAL}
    assert "no difference" in same.message


def test_slower_is_dominated_and_the_other_way_round_dominates() -> None:
    worse = compared(benchmark(slower()), benchmark())
    assert worse.relation is ParetoRelation.DOMINATED
    assert worse.objectives["mean"] is WORSE
    assert worse.objectives["quality"] is EQUAL
    assert "mean is worse, 69.95ms against 49.95ms in stage steady" in worse.message
    better = compared(benchmark(), benchmark(slower()))
    assert better.relation is ParetoRelation.DOMINATES
    assert better.objectives["mean"] is BETTER


def test_dearer_but_faster_is_a_trade_off() -> None:
    trade = compared(benchmark(), benchmark(slower()), cost=DEAR)
    assert trade.relation is ParetoRelation.TRADE_OFF
    assert (trade.objectives["mean"], trade.objectives["cost"]) == (BETTER, WORSE)
    assert trade.message.index("cost is worse") < trade.message.index("mean is better")


def test_less_accurate_is_worse() -> None:
    worse = compared(benchmark(stage(correct=1900)), benchmark())
    assert worse.objectives["quality"] is WORSE
    assert compared(benchmark(), benchmark(stage(correct=1900))).objectives["quality"] is BETTER


def test_within_the_margin_is_equal() -> None:
    near = stage(blocks=[{"requests": 120, "mean": f"{51 + (i % 3 - 1)}ms"} for i in range(20)])
    assert compared(benchmark(near), benchmark()).objectives["mean"] is EQUAL


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
    assert set(unlike.objectives.values()) == {UNKNOWN}
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
    assert (unknown.objectives["cost"], unknown.objectives["mean"]) == (UNKNOWN, EQUAL)
    assert "no prices" in unknown.message


def test_limited_client_is_unknown() -> None:
    limited = compared(benchmark(stage(clientLimited="CPU at 100 %")), benchmark())
    assert limited.relation is ParetoRelation.UNKNOWN


def test_dropped_blocks_and_sketch_say_nothing_wrong() -> None:
    bare = stage(blocks=[], sketch={"growth": "1.05", "bins": ""})
    unknown = compared(benchmark(bare), benchmark())
    assert (unknown.objectives["mean"], unknown.objectives["tail"]) == (UNKNOWN, EQUAL)


def test_worst_stage_counts_and_opposite_stages_are_a_trade_off() -> None:
    one = benchmark(stage(), slower(name="burst"))
    other = benchmark(slower(), stage(name="burst"))
    mixed = compared(one, other)
    assert mixed.relation is ParetoRelation.TRADE_OFF
    assert mixed.objectives["mean"] is WORSE


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


def test_intervals_decide_and_not_points() -> None:
    wide, narrow = Estimate(2.0, 0.9, 3.0), Estimate(1.0, 0.9, 1.1)
    assert relate(wide, narrow, 1.05, lower_is_better=True) is EQUAL
    assert relate(Estimate(2.0, 1.9, 2.1), narrow, 1.05, lower_is_better=True) is WORSE
    assert relate(Estimate(2.0, 1.9, 2.1), narrow, 1.05, lower_is_better=False) is BETTER
    assert relate(Estimate(1.12, 1.11, 1.13), narrow, 1.05, lower_is_better=True) is EQUAL


def test_results_are_annotated() -> None:
    comparison = compared(benchmark(slower()), benchmark())
    results = [ObjectiveResult(name=name, verdict=Verdict.WITHIN) for name in ("mean", "stranger")]
    assert [r.relation for r in comparison.annotate(results)] == [WORSE, UNKNOWN]
