from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT
from tests.unit.decide.turns import paired, ratio, turns
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import Against, ParetoRelation
from tollgate.api.hardware import Hardware
from tollgate.api.objective import Objective
from tollgate.api.paired import PairedStage
from tollgate.api.verdict import Relation, Verdict
from tollgate.decide.benchmark_verdict import benchmark_verdict
from tollgate.decide.compare import Arm, Comparison, compare_in_turn
from tollgate.decide.paired import InTurn, Pods, compare_turns
from tollgate.decide.ratio import Compared
from tollgate.decide.stage_estimates import NoEstimate
from tollgate.measure.cost import CostUnknown, PodCost

ALL = [P99, MEAN, ERRORS, ACCURACY, COST, THROUGHPUT]
CHEAP, DEAR = PodCost(Decimal("3.60"), "USD"), PodCost(Decimal("5.40"), "USD")
ALPHA = 0.01


def found(o: Objective, stage: PairedStage, cost: PodCost = CHEAP) -> Compared:
    seen = compare_turns(o, stage, Pods(2, cost), Pods(2, CHEAP), alpha=ALPHA)
    assert isinstance(seen, Compared)
    return seen


def compared(result: BenchmarkResult, cost: PodCost | CostUnknown = CHEAP, **hardware: Any) -> Comparison:
    candidate = Arm(result, cost, hardware.get("mine"))
    return compare_in_turn(ALL, candidate, InTurn(CHEAP, hardware.get("theirs")), confidence=0.99)


def relations(comparison: Comparison) -> dict[str, Relation]:
    return {seen.objective.name: seen.relation for seen in comparison.worst}


def test_mean_has_students_interval_of_the_log_ratios() -> None:
    seen = found(MEAN, turns(mean=ratio(1.1)))
    width = t.ppf(1 - ALPHA, 9) * 0.01
    assert seen.baseline == pytest.approx(0.05)
    assert seen.candidate == pytest.approx(0.055)
    assert math.log(seen.ratio.low) == pytest.approx(math.log(1.1) - width)
    assert math.log(seen.ratio.high) == pytest.approx(math.log(1.1) + width)


def test_percentile_is_never_bounded_nearer_than_it_was_looked_at() -> None:
    seen = compare_turns(P99, turns(p99=ratio(1.1)), Pods(1, None), Pods(1, None), alpha=0.2)
    assert isinstance(seen, Compared)
    assert math.log(seen.ratio.high / 1.1) == pytest.approx(0.03)


def test_percentile_that_has_no_bound_has_no_end() -> None:
    seen = found(P99, turns(p99=ratio(1.1, above="")))
    assert seen.ratio.high == math.inf
    assert seen.ratio.low > 1


@pytest.mark.parametrize(
    ("mine", "theirs", "clumping", "surely"),
    [(40, 10, "", True), (40, 10, "30", False), (10, 10, "", False), (0, 0, "", False)],
)
def test_failures(mine: int, theirs: int, clumping: str, surely: bool) -> None:
    seen = found(ERRORS, turns(errors=mine, baselineErrors=theirs, errorClumping=clumping))
    assert (seen.ratio.low > 1) is surely
    assert (seen.candidate, seen.baseline) == (mine / 2000, theirs / 2000)


@given(
    both=st.integers(0, 1000),
    gained=st.integers(0, 300),
    lost=st.integers(0, 300),
    scored=st.integers(0, 400),
)
def test_accuracy_agrees_with_the_exact_test_of_mcnemar(
    both: int, gained: int, lost: int, scored: int
) -> None:
    """Nobody is called better or worse who would not be by that test, and the other way round swaps the ends."""
    n = both + gained + lost + scored
    if n == 0:
        return
    stage = {"scored": n, "bothCorrect": both}
    seen = found(ACCURACY, turns(**stage, onlyCandidate=gained, onlyBaseline=lost))
    back = found(ACCURACY, turns(**stage, onlyCandidate=lost, onlyBaseline=gained))
    assert seen.ratio.low <= seen.ratio.value <= seen.ratio.high
    assert back.ratio.low == pytest.approx(1 / seen.ratio.high if seen.ratio.high else math.inf)
    if gained + lost:
        p = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
        assert (seen.ratio.low > 1) is bool(p < ALPHA / 2)


def test_few_differing_inputs_show_little_however_many_agree() -> None:
    worse = found(ACCURACY, turns(bothCorrect=1900, onlyBaseline=40))
    assert worse.ratio.high < 1
    assert worse.ratio.value == pytest.approx(1900 / 1940)
    assert not found(ACCURACY, turns(bothCorrect=1937, onlyBaseline=3)).ratio.high < 1


def test_answers_that_went_wrong_in_one_turn_count_as_the_one_event_that_they_are() -> None:
    outage = turns(bothCorrect=1840, onlyBaseline=100, answerClumping="100")
    assert found(ACCURACY, outage).ratio.high > 1


def test_loss_is_relative_to_the_accuracy_of_the_baseline() -> None:
    """20 points of 40 are half of it."""
    seen = found(ACCURACY, turns(bothCorrect=400, onlyBaseline=400))
    assert seen.ratio.value == 0.5
    assert 0.44 < seen.ratio.low < 0.5 < seen.ratio.high < 0.56


def test_cost_is_the_price_of_the_pods_over_their_answers() -> None:
    seen = found(COST, turns(rate=ratio(1.25, baseline="40req/s", error="0")), cost=DEAR)
    assert seen.ratio.low == pytest.approx(1.5 / 1.25)
    assert seen.ratio.value == seen.ratio.high == pytest.approx(1.5 / 1.25)
    free = PodCost(Decimal(0), "USD")
    none = compare_turns(COST, turns(), Pods(2, CHEAP), Pods(2, free), alpha=ALPHA)
    assert none == NoEstimate("an answer of the baseline cost nothing")


@pytest.mark.parametrize(
    ("fields", "o", "why"),
    [
        ({"unusable": "only 2 of 10 turns were done"}, MEAN, "only 2 of 10 turns were done"),
        ({"turns": 4}, MEAN, "4 turns do not show what varies between them"),
        ({"mean": None}, MEAN, "an arm had a turn without any answer"),
        ({"rate": None}, COST, "an arm had a turn without any answer"),
        ({"scored": 0, "bothCorrect": 0}, ACCURACY, "no input has an expected output"),
    ],
)
def test_no_data_is_no_ratio(fields: dict[str, Any], o: Objective, why: str) -> None:
    assert compare_turns(o, turns(**fields), Pods(2, CHEAP), Pods(2, CHEAP), alpha=ALPHA) == NoEstimate(why)


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="the counts of its turns do not add up"):
        turns(bothCorrect=1990, onlyCandidate=20)


def test_same_is_equal() -> None:
    same = compared(paired())
    assert same.relation is ParetoRelation.EQUAL
    assert set(relations(same).values()) == {Relation.EQUAL}


def test_better_here_and_worse_there_is_a_trade_off() -> None:
    seen = compared(paired(turns(mean=ratio(0.8))), cost=DEAR)
    assert seen.relation is ParetoRelation.TRADE_OFF
    assert relations(seen)["mean"] is Relation.BETTER
    assert relations(seen)["cost"] is Relation.WORSE
    assert "against last-good: cost is worse" in seen.message


def test_one_stage_that_says_nothing_leaves_the_whole_unknown() -> None:
    seen = compared(paired(turns(), turns(name="peak", unusable="the load generator was the limit")))
    assert seen.relation is ParetoRelation.UNKNOWN
    assert "the load generator was the limit in stage peak" in seen.message


def test_unlike_pods_are_not_compared() -> None:
    assert "2 of its pods were loaded, 1 of the baseline" in compared(paired(baseline_pods=1)).message
    large, small = (Hardware(pods=2, instance_type=name) for name in ("m5.large", "m5.small"))
    assert compared(paired(), mine=(large,), theirs=(large,)).relation is ParetoRelation.EQUAL
    other = compared(paired(), mine=(large,), theirs=(small,))
    assert other.relation is ParetoRelation.UNKNOWN
    assert "the hardware is another" in other.message
    assert compared(paired(), mine=(large,), theirs=()).relation is ParetoRelation.UNKNOWN


def test_verdict_on_the_limits_is_of_the_candidates_own_stage() -> None:
    said = benchmark_verdict(ALL, Arm(paired(turns(mean=ratio(1.3))), CHEAP), InTurn(CHEAP), confidence=0.99)
    assert {r.verdict for r in said.objectives} == {Verdict.WITHIN}
    assert said.relation is ParetoRelation.DOMINATED
    assert list(said.comparisons) == [Against.LAST_GOOD]
