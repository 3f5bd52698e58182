"""Quality objectives end to end: from counts to verdicts, and what is said where counts are missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.unit.decide.objectives import benchmark, objective, stage
from tests.unit.decide.test_planning import profile
from tollgate.api.benchmark import StageResult
from tollgate.api.budget import BenchmarkSpecRef
from tollgate.api.comparison import ParetoRelation
from tollgate.api.objective import Objective, objective_quantity
from tollgate.api.quality import SURE, ClassCount, QualityCounts, ScoreSum
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.compare import Arm, compare_benchmarks
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.levels import judged_live
from tollgate.decide.planning import (
    benchmark_limits,
    benchmark_problems,
    latency_limits,
    pairing_problems,
)
from tollgate.decide.pooling import pooled
from tollgate.decide.quality import calibration_error, macro_f1, mean_score
from tollgate.measure.cost import PodCost

F1 = objective("Quality", name="f1", metric="F1", min="0.9")
MACRO = objective("Quality", name="macro", metric="F1Macro", min="0.8")
MICRO = objective("Quality", name="micro", metric="F1Micro", min="0.95")
IN_TIME = objective("Quality", name="in-time", metric="Accuracy", within="250ms", min="0.95")
CALIBRATED = objective("CalibrationError", max="0.1")
PER_RIGHT = objective("Cost", name="right", per="CorrectAnswer", max="0.001USD")
PER_ACCEPTED = objective("Cost", name="accepted", per="AcceptedOutcome", max="0.001USD")


def one_class(expected: int, predicted: int, correct: int, label: str = "1") -> dict[str, Any]:
    return {"label": label, "expected": expected, "predicted": predicted, "correct": correct}


def bins(*each: tuple[int, int, float], squared: float) -> dict[str, Any]:
    made = [{"answers": n, "correct": k, "confidence": round(1e6 * n * p)} for n, k, p in each]
    empty = {"answers": 0, "correct": 0, "confidence": 0}
    return {"confidence": made + [empty] * (10 - len(made)), "squaredError": round(1e6 * squared)}


def judged(o: Objective, price: float = 0.0, **fields: Any) -> ObjectiveResult:
    (result,) = judge_benchmark(
        [o], benchmark(stage(**fields)), confidence=0.99, cost=PodCost(3600 * price, "USD") if price else None
    )
    return result


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_f1_of_one_class_is_two_tp_over_two_tp_and_all_errors(tp: int, fp: int, fn: int) -> None:
    seen, low, high = macro_f1(
        [ClassCount(label="1", expected=tp + fn, predicted=tp + fp, correct=tp)], 0.01, 0.01
    )
    if tp:
        assert seen == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert 0 <= low <= seen <= high <= 1


def test_the_bound_of_f1_is_exact() -> None:
    """At the bound, so many right ones or more come with probability alpha, of those that touch the class."""
    _, low, _ = macro_f1([ClassCount(label="1", expected=100, predicted=95, correct=90)], 0.01, 0.01)
    index = low / (2 - low)
    assert binom.sf(89, 105, index) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("counted", "verdict"),
    [
        (one_class(1000, 1000, 950), Verdict.WITHIN),
        (one_class(1000, 1000, 800), Verdict.BREACH),
        (one_class(20, 20, 19), Verdict.INCONCLUSIVE),
        (one_class(0, 0, 0), Verdict.INCONCLUSIVE),
    ],
)
def test_f1_is_judged_by_its_interval(counted: dict[str, Any], verdict: Verdict) -> None:
    assert judged(F1, quality={"positive": counted}).verdict is verdict


def test_macro_f1_is_the_mean_over_the_classes() -> None:
    classes = [one_class(1000, 1000, 950, "0"), one_class(1000, 1000, 900, "1")]
    result = judged(MACRO, quality={"classes": classes})
    assert (result.verdict, result.observed) == (Verdict.WITHIN, "0.925")
    assert float(result.low) < 0.925 < float(result.high)


def test_micro_f1_is_the_accuracy() -> None:
    for correct in (2400, 2300, 2000):
        accuracy = judged(objective("Quality", metric="Accuracy", min="0.95"), correct=correct)
        micro = judged(MICRO, correct=correct)
        assert (micro.verdict, micro.low, micro.high) == (accuracy.verdict, accuracy.low, accuracy.high)


def test_a_late_answer_is_a_wrong_one() -> None:
    result = judged(IN_TIME, overLimit=[{"limit": "250ms", "requests": 240, "correct": 2160}])
    assert (result.verdict, result.observed) == (Verdict.BREACH, "0.9")
    assert "240 of 2,400 requests not as expected within 250ms (10%)" in result.message
    fine = judged(IN_TIME, overLimit=[{"limit": "0.25s", "requests": 0, "correct": 2400}])
    assert fine.verdict is Verdict.WITHIN
    assert benchmark_limits([IN_TIME]) == (pytest.approx(0.25),)


def test_an_objective_of_one_stage_is_judged_by_no_other_and_not_live() -> None:
    shifted = objective("Quality", name="shifted", metric="Accuracy", min="0.8", stage="rough")
    slow = objective("Latency", name="peak", statistic="P99", max="400ms", stage="peak")
    result = benchmark(stage(correct=1000), stage(name="rough", correct=2000))
    (found,) = judge_benchmark([shifted], result, confidence=0.99)
    assert (found.verdict, found.observed) == (Verdict.WITHIN, "0.8333")
    (missing,) = judge_benchmark([slow], result, confidence=0.99)
    assert (missing.verdict, missing.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)
    assert "no measured stage is called peak (there are steady, rough)" in missing.message
    assert not judged_live(slow)
    assert (latency_limits([slow]), benchmark_limits([slow])) == ((), (Decimal("0.4"),))
    problems = benchmark_problems(
        [slow], profile({"name": "s", "rate": "9req/s", "requests": 9}), confidence=0.9
    )
    assert [(p.reason, "no measured stage is called peak" in p.message) for p in problems] == [
        ("LoadNotJudged", True)
    ]


def test_it_is_compared_in_its_stage_alone() -> None:
    shifted = objective("Quality", name="shifted", metric="Accuracy", min="0.8", stage="rough")
    new = Arm(benchmark(stage(correct=1000), stage(name="rough")), None)
    old = Arm(benchmark(stage(), stage(name="rough")), None)
    assert compare_benchmarks([shifted], new, old, confidence=0.95).relation is ParetoRelation.EQUAL
    other = shifted.model_copy(update={"stage": "gone"})
    unknown = compare_benchmarks([other], new, old, confidence=0.95)
    assert unknown.relation is ParetoRelation.UNKNOWN
    assert "there is nothing to compare in stage gone" in unknown.message


def test_what_is_not_counted_in_turns_is_said_when_the_budget_is_accepted() -> None:
    how = BenchmarkSpecRef.model_validate({"profileRef": {"name": "p"}, "baseline": "Paired"})
    steady = profile({"name": "steady", "rate": "40req/s", "durationSeconds": 60})
    problems = pairing_problems([F1, IN_TIME, CALIBRATED, PER_RIGHT, MICRO], how, steady)
    assert [p.objective for p in problems] == ["f1", "in-time", "calibrationerror", "right"]
    assert problems[0].message == (
        "objective f1: F1 >= 0.9 is not counted in turns: set benchmark.baseline: Recorded"
    )


def test_it_is_not_judged_in_a_closed_loop_which_waits_for_late_answers() -> None:
    over = [{"limit": "250ms", "requests": 0, "correct": 2400}]
    assert judged(IN_TIME, load="Closed", overLimit=over).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("counted", "verdict"),
    [
        (bins((2400, 2280, 0.95), squared=114), Verdict.WITHIN),
        (bins((2400, 1200, 0.95), squared=1086), Verdict.BREACH),
        (bins((50, 48, 0.96), squared=2), Verdict.INCONCLUSIVE),
    ],
)
def test_the_calibration_error_is_judged_by_its_bounds(counted: dict[str, Any], verdict: Verdict) -> None:
    assert judged(CALIBRATED, quality=counted).verdict is verdict


def test_bins_that_are_off_in_different_directions_do_not_cancel() -> None:
    counts = QualityCounts.model_validate(bins((1000, 900, 0.8), (1000, 800, 0.9), squared=300))
    found = calibration_error(counts, 0.01, 0.01)
    assert not isinstance(found, str)
    assert found[0] == pytest.approx(0.1)


def test_a_cost_is_divided_by_the_answers_that_are_right_or_accepted() -> None:
    """Two pods at 0.001 USD a second, 40 answers a second: of these a half is right, a quarter accepted."""
    right = judged(PER_RIGHT, 0.001, correct=1200)
    assert (right.verdict, right.observed) == (Verdict.WITHIN, "0.0001USD")
    accepted = judged(PER_ACCEPTED, 0.001, accepted=600)
    assert (accepted.verdict, accepted.observed) == (Verdict.WITHIN, "0.0002USD")
    assert judged(PER_RIGHT, 0.1, correct=1200).verdict is Verdict.BREACH


@pytest.mark.parametrize(
    ("o", "fields", "why"),
    [
        (PER_RIGHT, {"correct": 0}, "no answer was right, so what one costs is not known"),
        (
            PER_RIGHT,
            {"scored": 1200, "correct": 1200},
            "only 1,200 of 2,400 requests have an expected output",
        ),
        (PER_ACCEPTED, {"accepted": 0}, "no outcome was accepted, so what one costs is not known"),
        (PER_ACCEPTED, {}, "set accepted in the profile"),
        (F1, {}, "set scoring.positive in the profile"),
        (MACRO, {"quality": {"positive": one_class(9, 9, 9)}}, "set scoring.classes in the profile"),
        (CALIBRATED, {}, "set scoring.confidence in the profile"),
        (CALIBRATED, {"quality": bins(squared=0)}, "no scored answer told its confidence"),
        (IN_TIME, {}, "right answers within 250ms were not counted"),
        (IN_TIME, {"scored": 0, "correct": 0}, "no input has an expected output"),
    ],
)
def test_what_was_not_counted_is_unknown_and_never_zero(
    o: Objective, fields: dict[str, Any], why: str
) -> None:
    result = judged(o, 0.001, **fields)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)
    assert why in result.message


def test_a_profile_that_does_not_count_what_is_judged_is_a_problem() -> None:
    steady = {"name": "steady", "rate": "40req/s", "durationSeconds": 60}
    problems = benchmark_problems(
        [F1, MACRO, CALIBRATED, PER_ACCEPTED, MICRO], profile(steady), confidence=0.99
    )
    assert [p.objective for p in problems if p.reason == "NotCounted"] == [
        "f1",
        "macro",
        "calibrationerror",
        "accepted",
    ]
    assert "set scoring.positive there" in problems[0].message


def test_counts_of_several_measurements_are_added() -> None:
    one = benchmark(stage(quality={"positive": one_class(10, 12, 9)}, accepted=5))
    (both,) = pooled([one, one]).stages
    assert both.quality is not None
    assert both.quality.positive == ClassCount(label="1", expected=20, predicted=24, correct=18)
    assert both.accepted == 10
    lacks = benchmark(stage())
    assert pooled([one, lacks]).stages[0].quality is None


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ({"positive": one_class(5, 5, 6)}, "more correct than expected or predicted"),
        ({"positive": one_class(2401, 5, 5)}, "more requests than were scored"),
        ({"confidence": [{"answers": 1, "correct": 2, "confidence": 0}] * 10}, "does not add up"),
        ({"confidence": [{"answers": 1, "correct": 1, "confidence": 0}]}, "must be 10 bins"),
        ({"squaredError": 1}, "squared error"),
    ],
)
def test_counts_that_do_not_add_up_are_refused(quality: dict[str, Any], message: str) -> None:
    told = stage()
    with pytest.raises(ValueError, match=message):
        StageResult.model_validate({**told, "quality": quality})


SCORE = objective("Quality", name="rouge", metric="Score", score="rougeL", min="0.6")


@pytest.mark.parametrize(
    ("mean", "requests", "verdict"),
    [(0.7, 2400, Verdict.WITHIN), (0.7, 60, None), (0.5, 2400, Verdict.BREACH)],
)
def test_the_mean_of_a_score_is_judged_by_its_interval(
    mean: float, requests: int, verdict: Verdict | None
) -> None:
    total = round(requests * mean * 1e6)
    spread = {"name": "rougeL", "requests": requests, "total": total, "squares": total}  # each is 0 or 1
    (result,) = judge_benchmark([SCORE], benchmark(stage(quality={"scores": [spread]})), confidence=0.99)
    assert result.verdict is (verdict or Verdict.INCONCLUSIVE), result.message
    assert objective_quantity(SCORE) == "rougeL >= 0.6"


@given(st.integers(2, 400), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_bound_of_a_score_holds_about_as_often_as_it_says(n: int, fraction: float, seed: int) -> None:
    """Of scores that are 0 or 1 the mean is a proportion, whose bounds are exact: these are wider."""
    ones = int(np.random.default_rng(seed).binomial(n, fraction))
    counts = QualityCounts(
        scores=[ScoreSum(name="rougeL", requests=n, total=ones * SURE, squares=ones * SURE)]
    )
    found = mean_score(SCORE, counts, 0.01, 0.01)
    assert not isinstance(found, str)
    exact = proportion_interval(n, ones, 0.01)
    assert found[1] <= exact[0] + 1e-9
    assert found[2] >= exact[1] - 1e-9


def test_a_score_that_nobody_counts_is_said_by_its_name() -> None:
    steady = {"name": "steady", "rate": "40req/s", "durationSeconds": 60}
    (problem,) = benchmark_problems([SCORE], profile(steady), confidence=0.99)
    assert "set scoring.scores with one named rougeL there" in problem.message
    (result,) = judge_benchmark([SCORE], benchmark(stage()), confidence=0.99)
    assert result.reason is Reason.NO_DATA
    assert "score rougeL was not counted" in result.message


@pytest.mark.parametrize("fields", [{"metric": "Score"}, {"metric": "F1", "score": "rougeL"}])
def test_a_score_and_its_name_go_together(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="score is for Quality with the metric Score"):
        objective("Quality", min="0.5", **fields)
