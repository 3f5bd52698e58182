from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import (
    ACCURACY,
    COST,
    ERRORS,
    MEAN,
    P99,
    THROUGHPUT,
    benchmark,
    objective,
    stage,
)
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.measure.cost import CostUnknown, PodCost

ALL = [P99, MEAN, ERRORS, ACCURACY, COST, THROUGHPUT]
CHEAP = PodCost(Decimal("3.60"), "USD")
"""Two pods at 40 requests/s: 0.05USD for a thousand."""


def judged(
    o: Objective, *stages: dict[str, Any], cost: PodCost | CostUnknown | None = CHEAP
) -> ObjectiveResult:
    (result,) = judge_benchmark([o], benchmark(*stages), confidence=0.99, cost=cost)
    return result


def over(requests: int) -> list[dict[str, Any]]:
    return [{"limit": "250ms", "requests": requests}]


def blocks(*means: int, requests: int = 120) -> list[dict[str, Any]]:
    return [{"requests": requests, "mean": f"{mean}ms"} for mean in means]


def test_good_benchmark_is_within_in_every_dimension() -> None:
    results = judge_benchmark(ALL, benchmark(), confidence=0.99, cost=CHEAP)
    assert [r.name for r in results] == [o.name for o in ALL]
    assert [r.verdict for r in results] == [Verdict.WITHIN] * len(ALL)
    assert all(r.reason is None and r.limit and r.observed and r.low and r.high for r in results)


class TestTail:
    def test_certified(self) -> None:
        result = judged(P99, stage(requests=481, scored=0, correct=0, blocks=[]))
        assert result.verdict is Verdict.WITHIN
        assert (result.requests, result.over_limit, result.observed) == (481, 0, "110ms")

    def test_one_request_short_says_what_to_send(self) -> None:
        result = judged(P99, stage(requests=300, scored=0, correct=0, blocks=[]))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert result.message == (
            "stage steady: 0 of 300 requests slower than 250ms (0%), at most 1% allowed: "
            "too few for a verdict, send at least 481 requests: 5 s more at 40req/s"
        )

    def test_too_near_the_limit_is_said(self) -> None:
        result = judged(P99, stage(overLimit=over(24)))
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.message.endswith("too close to the limit for a verdict")

    def test_breach(self) -> None:
        result = judged(P99, stage(overLimit=over(60)))
        assert result.verdict is Verdict.BREACH
        assert (
            result.message
            == "stage steady: 60 of 2,400 requests slower than 250ms (2.5%), at most 1% allowed"
        )

    def test_limit_is_found_however_it_is_written(self) -> None:
        same = objective("Latency", statistic="P99", max="0.25s")
        assert judged(same).verdict is Verdict.WITHIN

    def test_limit_that_was_not_counted_is_no_data(self) -> None:
        other = objective("Latency", statistic="P99", max="300ms")
        result = judged(other)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)
        assert "measure again" in result.message

    def test_interval_is_of_the_quantile(self) -> None:
        result = judged(P99)
        assert result.low == "105.2ms"  # the lower edge of the bin that holds rank 2,364
        assert result.high == "140.9ms"  # the upper edge of the bin that holds rank 2,388


class TestStages:
    def test_worst_stage_counts(self) -> None:
        bad = stage(name="burst", overLimit=over(60))
        assert judged(P99, stage(), bad).message.startswith("stage burst")
        assert judged(P99, bad, stage()).verdict is Verdict.BREACH

    def test_every_stage_must_hold(self) -> None:
        short = stage(name="short", requests=300, scored=0, correct=0, blocks=[])
        result = judged(P99, stage(), short)
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.message.startswith("stage short")

    def test_warm_up_is_not_judged(self) -> None:
        assert (
            judged(P99, stage(name="warm", warmUp=True, overLimit=over(2400)), stage()).verdict
            is Verdict.WITHIN
        )
        only = judged(P99, stage(warmUp=True))
        assert (only.verdict, only.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)

    @pytest.mark.parametrize("o", ALL, ids=lambda o: o.name)
    def test_stage_the_client_limited_tells_nothing(self, o: Objective) -> None:
        bad = stage(overLimit=over(2400), clientLimited="schedule delay p99 of 30ms", correct=0)
        result = judged(o, bad)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.CLIENT_LIMITED)
        assert "schedule delay p99 of 30ms" in result.message

    @pytest.mark.parametrize("o", [P99, ERRORS], ids=lambda o: o.name)
    def test_failures_of_the_server_are_a_breach_however_late_the_client(self, o: Objective) -> None:
        failing = stage(
            errors=200,
            errorKinds={"timeout": 200},
            overLimit=over(2400),
            clientLimited="14ms late",
            blocks=[],
        )
        result = judged(o, failing)
        assert (result.verdict, result.over_limit) == (Verdict.BREACH, 200)
        refused = stage(
            errors=200,
            errorKinds={"connect": 200},
            overLimit=over(2400),
            clientLimited="14ms late",
            blocks=[],
        )
        assert judged(o, refused).reason is Reason.CLIENT_LIMITED
        lost = failing | {"workersLost": 1}
        assert judged(o, lost).reason is Reason.CLIENT_LIMITED, (
            "a share is missing: nothing is told from the others"
        )

    def test_breach_in_another_stage_stands_beside_a_limited_client(self) -> None:
        limited = stage(name="burst", clientLimited="CPU at 100 %")
        assert judged(P99, limited, stage(overLimit=over(60))).verdict is Verdict.BREACH


class TestMean:
    def test_within_by_the_spread_of_blocks(self) -> None:
        result = judged(MEAN, stage(blocks=blocks(60, 62, 58, 61, 59, 60)))
        assert result.verdict is Verdict.WITHIN
        assert result.observed == "60ms"

    def test_breach(self) -> None:
        assert judged(MEAN, stage(blocks=blocks(90, 92, 88, 91, 89, 90))).verdict is Verdict.BREACH

    def test_interval_over_the_limit_asks_for_a_longer_stage(self) -> None:
        result = judged(MEAN, stage(blocks=blocks(60, 95, 58, 90, 59, 70)))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert "make the stage about 10 times as long" in result.message

    def test_few_blocks_have_no_spread(self) -> None:
        result = judged(MEAN, stage(blocks=blocks(60, 61)))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)


class TestQualityAndErrors:
    def test_accuracy_of_97_percent_in_1500_is_within_95(self) -> None:
        result = judged(ACCURACY, stage(scored=1500, correct=1455))
        assert result.verdict is Verdict.WITHIN
        assert (result.requests, result.over_limit, result.observed) == (1500, 45, "0.97")
        assert 0.95 < float(result.low) < 0.97 < float(result.high)

    @pytest.mark.parametrize(
        ("correct", "verdict"),
        [(1440, Verdict.INCONCLUSIVE), (1425, Verdict.INCONCLUSIVE), (1380, Verdict.BREACH)],
    )
    def test_accuracy_near_and_below(self, correct: int, verdict: Verdict) -> None:
        assert judged(ACCURACY, stage(scored=1500, correct=correct)).verdict is verdict

    def test_dataset_without_expectations_is_no_data(self) -> None:
        result = judged(ACCURACY, stage(scored=0, correct=0))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)

    def test_errors(self) -> None:
        assert judged(ERRORS, stage(errors=2, overLimit=over(2))).verdict is Verdict.WITHIN
        assert judged(ERRORS, stage(errors=40, overLimit=over(40))).verdict is Verdict.BREACH
        assert judged(ERRORS, stage(errors=9, overLimit=over(9))).verdict is Verdict.INCONCLUSIVE


class TestRates:
    def test_cost_is_of_all_pods_over_good_answers(self) -> None:
        result = judged(COST)
        assert (result.verdict, result.observed) == (Verdict.WITHIN, "0.05USD")
        dear = PodCost(Decimal("36"), "USD")
        assert judged(COST, cost=dear).verdict is Verdict.BREACH
        near = PodCost(Decimal("28.8"), "USD")
        assert judged(COST, cost=near).verdict is Verdict.INCONCLUSIVE

    def test_unknown_cost_is_no_verdict(self) -> None:
        result = judged(COST, cost=CostUnknown("container server requests no cpu"))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.COST_UNKNOWN)
        assert "container server requests no cpu" in result.message

    def test_no_answer_has_no_cost(self) -> None:
        dead = stage(errors=2400, overLimit=over(2400), answeredRate="0req/s", correct=0, blocks=[])
        assert judged(COST, dead).reason is Reason.NO_DATA

    def test_throughput(self) -> None:
        assert judged(THROUGHPUT).verdict is Verdict.WITHIN
        slow = stage(
            errors=1200, overLimit=over(1200), answeredRate="20req/s", scored=0, correct=0, blocks=[]
        )
        assert judged(THROUGHPUT, slow).verdict is Verdict.BREACH
        near = stage(answeredRate="30.5req/s")
        assert judged(THROUGHPUT, near).verdict is Verdict.INCONCLUSIVE

    def test_throughput_is_not_judged_where_less_was_asked_for(self) -> None:
        idle = stage(name="idle", requestedRate="10req/s", answeredRate="10req/s")
        assert judged(THROUGHPUT, idle, stage()).verdict is Verdict.WITHIN
        result = judged(THROUGHPUT, idle)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)

    def test_nothing_answered_is_a_breach_of_throughput(self) -> None:
        dead = stage(errors=2400, overLimit=over(2400), answeredRate="0req/s", correct=0, blocks=[])
        assert judged(THROUGHPUT, dead).verdict is Verdict.BREACH


def test_breach_shares_alpha_between_objectives_and_within_does_not() -> None:
    # 39 of 2,400: alone a breach at 1 %, not as one of many.
    edge = stage(overLimit=over(37))
    assert judged(P99, edge).verdict is Verdict.BREACH
    many = [P99, *(P99.model_copy(update={"name": f"again-{i}"}) for i in range(31))]
    assert judge_benchmark(many, benchmark(edge), confidence=0.99)[0].verdict is Verdict.INCONCLUSIVE
    certified = stage(requests=481, scored=0, correct=0, blocks=[])
    assert judge_benchmark(many, benchmark(certified), confidence=0.99)[0].verdict is Verdict.WITHIN


def runs(*stages: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "repeat": number} for number, one in enumerate(stages, start=1)]


class TestRepeats:
    def test_the_runs_of_a_stage_are_judged_together(self) -> None:
        each = stage(requests=161, scored=0, correct=0, blocks=[])
        assert judged(P99, *runs(each, each)).verdict is Verdict.INCONCLUSIVE
        together = judged(P99, *runs(each, each, each))
        assert (together.verdict, together.requests, together.over_limit) == (Verdict.WITHIN, 483, 0)

    def test_the_runs_of_two_stages_are_not(self) -> None:
        good, bad = stage(), stage(name="fast", overLimit=over(600))
        result = judged(P99, *runs(good, good), *runs(bad, bad))
        assert result.verdict is Verdict.BREACH
        assert result.message.startswith("stage fast: 1,200 of 4,800 requests")

    def test_a_run_that_the_client_limited_makes_them_all_inconclusive(self) -> None:
        result = judged(P99, *runs(stage(), stage(clientLimited="it was late"), stage()))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.CLIENT_LIMITED)
