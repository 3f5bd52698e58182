"""Times of tokens and of the queue in live traffic: each by a series of its own, and beside it nothing changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.unit.decide.objectives import ERRORS, MEAN, P99, benchmark, objective
from tests.unit.decide.test_judge_live import live
from tollgate.api.budget import BudgetSpec
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.benchmark_verdict import BenchmarkVerdict, Outcome, benchmark_verdict, outcome
from tollgate.decide.compare import Arm
from tollgate.decide.judge_live import judge_live
from tollgate.decide.live_record import live_evidence, read_look
from tollgate.decide.look import Look
from tollgate.decide.plan import live_plans
from tollgate.decide.planning import live_problems, resolution_problems, times_judged
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket

ALPHA = 0.01
TTFT = objective("TimeToFirstToken", name="first", statistic="P99", max="500ms")
ITL = objective("InterTokenLatency", name="gaps", statistic="P95", max="50ms")
QUEUE = objective("QueueTime", name="queue", statistic="P90", max="1s")
QUEUE_MEAN = objective("QueueTime", name="waits", statistic="Mean", max="80ms")
PROFILE = MetricProfileSpec.model_validate(
    {
        "latency": {"series": "e2e"},
        "timeToFirstToken": {"series": "ttft"},
        "queueTime": {"series": "queue"},
    }
)


def counted(limit: str, slow: int = 0, errors: int = 0) -> LiveCounts:
    """20 blocks of 100 of which so many are slower than the limit, in seconds."""
    seconds = Decimal(limit)
    made = live(errors=errors)
    blocks: dict[int, Block] = {
        number: replace(block, slow={seconds: (slow, slow)}) for number, block in made.blocks.items()
    }
    edge = float(seconds)
    return replace(made, blocks=blocks, brackets={seconds: Bracket(edge, edge)}, edges=(edge,))


def spec(*objectives: Objective) -> BudgetSpec:
    return BudgetSpec.model_validate(
        {
            "target": {"name": "llm"},
            "owners": [{"role": "SRE", "team": "platform"}],
            "metrics": {"profileRef": {"name": "vllm"}},
            "objectives": [o.dump() for o in objectives],
            "benchmark": {"profileRef": {"name": "chat"}},
        }
    )


def test_each_is_judged_by_its_own_series() -> None:
    timed = {
        Dimension.TIME_TO_FIRST_TOKEN: counted("0.5", slow=30),
        Dimension.INTER_TOKEN_LATENCY: counted("0.05"),
        Dimension.QUEUE_TIME: counted("1"),
    }
    results = judge_live([P99, TTFT, ITL, QUEUE, QUEUE_MEAN], live(), alpha=ALPHA, timed=timed)
    assert [r.verdict for r in results] == [
        Verdict.WITHIN,
        Verdict.BREACH,
        Verdict.WITHIN,
        Verdict.WITHIN,
        Verdict.WITHIN,
    ]
    said = {r.name: r.message for r in results}
    assert said["first"] == "30% of 2,000 requests over 500ms, at most 1% allowed"
    assert said["gaps"] == "0% of 2,000 tokens over 50ms, at most 5% allowed"
    assert said["waits"].startswith("50.1ms (")


def test_failed_requests_are_not_taken_for_slow_tokens() -> None:
    timed = {Dimension.TIME_TO_FIRST_TOKEN: counted("0.5", errors=50)}
    (first, errors) = judge_live([TTFT, ERRORS], live(errors=50), alpha=ALPHA, timed=timed)
    assert (first.verdict, errors.verdict) == (Verdict.WITHIN, Verdict.BREACH)


def test_without_a_series_the_benchmark_judges_it_and_the_field_is_named() -> None:
    first, queue, tail = judge_live([TTFT, QUEUE, P99], live(), alpha=ALPHA)
    assert (first.reason, queue.reason) == (Reason.NOT_JUDGED_HERE, Reason.NOT_JUDGED_HERE)
    assert first.message == (
        "TimeToFirstToken is judged by the benchmark: to have it judged in live traffic, name its series as "
        "timeToFirstToken in the MetricProfile"
    )
    assert queue.message.startswith("QueueTime is not judged: to have it")
    alone = judge_live([P99], live(), alpha=ALPHA)
    assert [tail] == alone, "what nobody judges takes no share of alpha"


def test_a_stage_makes_it_the_benchmark_s_alone() -> None:
    peak = objective("TimeToFirstToken", statistic="P99", max="500ms", stage="peak")
    timed = {Dimension.TIME_TO_FIRST_TOKEN: counted("0.5", slow=30)}
    (result,) = judge_live([peak], live(), alpha=ALPHA, timed=timed)
    assert (result.reason, result.message) == (
        Reason.NOT_JUDGED_HERE,
        "TimeToFirstToken in stage peak is judged by the benchmark",
    )


def test_a_series_that_is_not_there_is_said_by_its_field() -> None:
    nothing = LiveCounts(0.0, 100.0, scraped=("a",))
    (result,) = judge_live([TTFT], live(), alpha=ALPHA, timed={Dimension.TIME_TO_FIRST_TOKEN: nothing})
    assert result.reason is Reason.SERIES_MISSING
    assert "no series as in timeToFirstToken of the MetricProfile" in result.message


def test_while_prometheus_is_silent_only_what_it_would_tell_waits_for_it() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    nothing = LiveCounts(now.timestamp(), now.timestamp())
    look = Look(now, now, None, unavailable="down", timed={Dimension.QUEUE_TIME: nothing})
    reasons = [r.reason for r in look.judged([TTFT, QUEUE, P99], ALPHA)]
    assert reasons == [Reason.NOT_JUDGED_HERE, Reason.METRICS_UNAVAILABLE, Reason.METRICS_UNAVAILABLE]


def test_a_record_holds_it_and_is_judged_the_same() -> None:
    now = datetime.fromtimestamp(200.0, UTC)
    timed = {
        Dimension.TIME_TO_FIRST_TOKEN: counted("0.5", slow=30),
        Dimension.QUEUE_TIME: counted("1", slow=1),
    }
    look = Look(datetime.fromtimestamp(0.0, UTC), now, live(), timed=timed)
    objectives = [P99, MEAN, TTFT, QUEUE, QUEUE_MEAN]
    evidence = live_evidence(look, 10, ())
    again = read_look(type(evidence).model_validate(evidence.dump()))
    assert again.judged(objectives, ALPHA) == look.judged(objectives, ALPHA)
    assert [one.dimension for one in evidence.timed] == [
        Dimension.TIME_TO_FIRST_TOKEN,
        Dimension.QUEUE_TIME,
    ]


def test_only_what_is_limited_and_has_a_series_is_asked_for() -> None:
    assert times_judged([P99, TTFT, ITL, QUEUE, QUEUE_MEAN], PROFILE) == {
        Dimension.TIME_TO_FIRST_TOKEN: (Decimal("0.5"),),
        Dimension.QUEUE_TIME: (Decimal(1),),
    }
    asked = PROFILE.only_of(Dimension.QUEUE_TIME)
    assert (asked.latency.series, asked.requests, asked.errors) == ("queue", None, None)


def test_what_can_never_be_told_is_said_when_the_budget_is_accepted() -> None:
    bare = MetricProfileSpec.model_validate({"latency": {"series": "e2e"}})
    (problem,) = live_problems([TTFT, QUEUE], bare)
    assert (problem.objective, problem.reason) == ("queue", "NotMetered")
    assert "add queueTime to it" in problem.message
    means = {"type": "CounterMean", "series": "us", "count": {"series": "n"}}
    counter = MetricProfileSpec.model_validate({"latency": {"series": "e2e"}, "queueTime": means})
    (problem,) = live_problems([QUEUE, QUEUE_MEAN], counter)
    assert (problem.objective, problem.reason) == ("queue", "MeanOnly")
    assert problem.message.endswith("limit the Mean, name a histogram in the profile")
    (problem,) = resolution_problems([QUEUE, TTFT], {Dimension.QUEUE_TIME: [0.5, 2.0]})
    assert "add the edge 1s" in problem.message


def test_the_plan_counts_what_the_profile_lets_live_traffic_tell() -> None:
    budget = spec(P99, TTFT, QUEUE)
    assert [plan.objective.name for plan in live_plans(budget)] == ["tail"]
    assert [plan.objective.name for plan in live_plans(budget, PROFILE.timed)] == ["tail", "first", "queue"]


def test_a_benchmark_does_not_wait_for_what_it_cannot_see() -> None:
    def judged(*objectives: Objective) -> BenchmarkVerdict:
        return benchmark_verdict(objectives, Arm(benchmark(), None), None, confidence=0.99)

    assert outcome(judged(P99, QUEUE), "Allow", compared=False) is Outcome.WITHIN
    assert outcome(judged(QUEUE), "Allow", compared=False) is Outcome.INCONCLUSIVE, "nothing was judged"
    alone, beside = judged(P99).objectives[0], judged(P99, QUEUE).objectives[0]
    assert alone == beside, "it takes no share of alpha"


def test_no_stage_can_be_named_for_what_no_benchmark_judges() -> None:
    with pytest.raises(ValueError, match="QueueTime is judged in live traffic only"):
        objective("QueueTime", statistic="P99", max="1s", stage="peak")
