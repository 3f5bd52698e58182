from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, objective
from tests.unit.measure.probes import search
from tollgate.api.budget import BenchmarkSpecRef
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.objective import Dimension, Objective
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.decide.planning import (
    benchmark_counting,
    benchmark_limits,
    benchmark_problems,
    latency_limits,
    live_problems,
    pairing_problems,
    resolution_problems,
    search_problems,
)

P999 = objective("Latency", name="extreme", statistic="P999", max="1s")


def profile(*stages: dict[str, Any]) -> BenchmarkProfileSpec:
    return BenchmarkProfileSpec.model_validate(
        {
            "protocol": "JSON",
            "port": 8000,
            "path": "/predict",
            "dataset": {"configMap": {"name": "digits"}},
            "stages": list(stages),
        }
    )


def stage(rate: str, seconds: int, **fields: Any) -> dict[str, Any]:
    return {"name": "steady", "rate": rate, "durationSeconds": seconds, **fields}


COUNTERS = {"series": "us_total", "type": "CounterMean", "count": {"series": "requests_total"}}


@pytest.mark.parametrize("latency", [COUNTERS, {"series": "seconds", "type": "Summary"}])
def test_a_percentile_of_a_mean_is_refused_at_once(latency: dict[str, Any]) -> None:
    metrics = MetricProfileSpec.model_validate({"latency": latency, "errors": {"series": "errors_total"}})
    (problem,) = live_problems([P99, MEAN, ERRORS, COST], metrics)
    assert (problem.objective, problem.reason) == ("tail", "MeanOnly")
    assert problem.message == (
        f"objective tail: the MetricProfile has latencies as a {latency['type']} ({latency['series']}), which tells "
        "their mean only: limit the Mean, name a histogram in the profile, or set the objective's stage, as a "
        "benchmark counts slow requests itself"
    )
    assert live_problems([P99.model_copy(update={"stage": "steady"})], metrics) == []


def test_the_cost_of_pods_is_not_known_from_a_service() -> None:
    matchers = [{"label": "service", "value": "${namespace}/${target}"}]
    metrics = MetricProfileSpec.model_validate(
        {"scope": "Service", "serviceMatchers": matchers, "latency": {"series": "seconds"}}
    )
    (problem,) = live_problems([P99, MEAN, COST], metrics)
    assert (problem.objective, problem.reason) == ("cost", "CostNotMeasured")
    assert "refer to a profile with the pods' own series" in problem.message


def test_limits_to_count_at() -> None:
    assert latency_limits([P999, P99, MEAN, ERRORS, P99]) == (Decimal("0.25"), Decimal(1))


def test_stage_that_can_certify_is_no_problem() -> None:
    everything = [P99, MEAN, ERRORS, ACCURACY, COST, THROUGHPUT]
    assert benchmark_problems(everything, profile(stage("40req/s", 60)), confidence=0.99) == []


def test_stage_that_never_can_is_refused_with_what_it_needs() -> None:
    (problem,) = benchmark_problems([P99, MEAN], profile(stage("5req/s", 60)), confidence=0.99)
    assert (problem.objective, problem.reason) == ("tail", "StageTooShort")
    assert problem.message == (
        "objective tail: stage steady sends 300 requests (5req/s for 60 s), and needs 481 to certify it at "
        "confidence 0.99 even if all goes well: set durationSeconds to 97 or more, or raise its rate"
    )


def test_a_stage_by_requests_is_told_how_many_it_needs() -> None:
    short = {"name": "steady", "rate": "5req/s", "requests": 480}
    (problem,) = benchmark_problems([P99], profile(short), confidence=0.99)
    assert problem.message == (
        "objective tail: stage steady sends 480 requests (5req/s), and needs 481 to certify it at confidence 0.99 "
        "even if all goes well: set requests to 481 or more"
    )
    assert benchmark_problems([P99], profile({**short, "requests": 481}), confidence=0.99) == []


def test_the_runs_of_a_stage_count_together() -> None:
    short = {"name": "steady", "rate": "5req/s", "requests": 160, "repeats": 3}
    (problem,) = benchmark_problems([P99], profile(short), confidence=0.99)
    assert problem.message == (
        "objective tail: stage steady sends 480 requests (3 times 5req/s), and needs 481 to certify it at confidence "
        "0.99 even if all goes well: set requests to 161 or more"
    )
    assert benchmark_problems([P99], profile({**short, "requests": 161}), confidence=0.99) == []


@pytest.mark.parametrize(
    ("o", "requests"),
    [(P99, 481), (P999, 4826), (ERRORS, 964), (ACCURACY, 95)],
    ids=lambda o: getattr(o, "name", o),
)
def test_exactly_enough_requests_are_enough(o: Any, requests: int) -> None:
    assert benchmark_problems([o], profile(stage("1req/s", min(requests, 3600) if requests < 3600 else 3600)),
                              confidence=0.99) == [] or requests > 3600  # fmt: skip
    assert (
        len(benchmark_problems([o], profile(stage("1req/s", min(requests, 3600) - 1)), confidence=0.99)) == 1
    )


def test_warm_up_need_not_certify() -> None:
    stages = profile(stage("1req/s", 5, name="warm", warmUp=True), stage("40req/s", 60))
    assert benchmark_problems([P99], stages, confidence=0.99) == []


def test_limit_too_strict_for_any_benchmark() -> None:
    strict = objective("ErrorRate", max="0.000000001%")
    (problem,) = benchmark_problems([strict], profile(stage("40req/s", 60)), confidence=0.99)
    assert "no benchmark can certify" in problem.message


def test_throughput_needs_a_stage_that_asks_for_more() -> None:
    (problem,) = benchmark_problems([THROUGHPUT], profile(stage("30req/s", 60)), confidence=0.99)
    assert (problem.objective, problem.reason) == ("throughput", "RateTooLow")


def test_limit_that_is_no_edge_is_said_with_the_edge_to_add() -> None:
    (problem,) = resolution_problems([P99, MEAN, ERRORS], {Dimension.LATENCY: [0.1, 0.3, 1.0]})
    assert (problem.objective, problem.reason) == ("tail", "BucketResolution")
    assert "no bucket edge at 250ms (it lies above 100ms, below 300ms)" in problem.message
    assert "add the edge 250ms" in problem.message
    assert resolution_problems([P99], {Dimension.LATENCY: [1.0, 0.25]}) == []


@pytest.mark.parametrize(
    ("edges", "said"), [([0.1], "above the highest edge"), ([1.0], "below the lowest edge")]
)
def test_limit_beyond_the_edges(edges: list[float], said: str) -> None:
    assert said in resolution_problems([P99], {Dimension.LATENCY: edges})[0].message


def test_errors_need_a_counter() -> None:
    blind = MetricProfileSpec.model_validate({"latency": {"series": "x"}})
    (problem,) = live_problems([P99, ERRORS], blind)
    assert (problem.objective, problem.reason) == ("errorrate", "ErrorsNotMeasured")
    seeing = MetricProfileSpec.model_validate({"latency": {"series": "x"}, "errors": {"series": "e"}})
    assert live_problems([P99, ERRORS], seeing) == []


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (
            [stage("1req/s", 59)],
            "stage steady sends 59 requests, too few to load two arms in turn: it needs 60",
        ),
        ([stage("1req/s", 60)], ""),
        ([stage("40req/s", 60, name=f"s{i}") for i in range(6)], "it measures 6 stages"),
    ],
)
def test_profile_that_cannot_be_met_in_turn_is_refused(stages: list[dict[str, Any]], said: str) -> None:
    how = {"profileRef": {"name": "digits-steady"}, "baseline": "Paired"}
    found = pairing_problems([], BenchmarkSpecRef.model_validate(how), profile(*stages))
    assert [problem.reason for problem in found] == (["CannotBePaired"] if said else [])
    assert said in "".join(problem.message for problem in found)
    recorded = BenchmarkSpecRef.model_validate(how | {"baseline": "Recorded"})
    assert pairing_problems([], recorded, profile(*stages)) == []


def searching(**fields: Any) -> BenchmarkProfileSpec:
    wanted = profile(stage("40req/s", 60))
    return wanted.model_copy(update={"search": search(**fields)})


def test_a_search_that_can_certify_in_time_is_no_problem() -> None:
    assert search_problems(searching()) == []
    assert search_problems(profile(stage("40req/s", 60))) == []


def test_a_search_with_too_few_requests_or_too_little_time_is_told_so() -> None:
    (problem,) = search_problems(searching(requests=100))
    assert (problem.objective, problem.reason) == ("", "SearchTooShort")
    assert "set its requests to 637 or more" in problem.message
    (problem,) = search_problems(searching(lowest="5req/s"))
    assert problem.reason == "SearchTooLong"
    assert problem.message == (
        "the search may send its 6 probes for 1200 s, and deadlineSeconds ends the whole benchmark after 900 s: raise "
        "it, or the lowest rate of the search"
    )


def test_a_search_alone_certifies_no_objective() -> None:
    alone = profile(stage("40req/s", 60)).dump()
    alone = alone | {"stages": [stage("40req/s", 60, warmUp=True)], "search": search().dump()}
    (problem,) = benchmark_problems([P99], BenchmarkProfileSpec.model_validate(alone), confidence=0.99)
    assert problem.reason == "LoadNotJudged"
    assert "the benchmark has no measured stage: add one of arrival Poisson or Constant" in problem.message


def test_the_edge_of_a_violation_rate_is_its_latency() -> None:
    violations = objective("ViolationRate", within="250ms", max="5%")
    (problem,) = resolution_problems([violations], {Dimension.LATENCY: [0.1, 0.3]})
    assert "no bucket edge at 250ms (it lies above 100ms, below 300ms)" in problem.message


@pytest.mark.parametrize(
    ("o", "field"),
    [
        (objective("TimeToFirstToken", statistic="P95", max="1s"), "protocol to OpenAIChat"),
        (objective("Goodput", meets={"timePerOutputToken": "50ms"}, min="3req/s"), "protocol to OpenAIChat"),
        (objective("Throughput", min="90tok/s"), "outputTokens"),
        (objective("Cost", per="1MTokens", max="2USD"), "outputTokens"),
        (objective("Energy", per="Token", max="2J"), "outputTokens"),
        (objective("Tokens", metric="Input", max="90tok"), "inputTokens"),
        (objective("ContextUtilization", max="50%"), "inputTokens"),
        (objective("ExitDepth", max="2"), "exitStage"),
        (objective("ExpertImbalance", max="2"), "exitStage"),
        (objective("ColdStart", max="60s"), "coldStart"),
    ],
)
def test_what_the_profile_does_not_have_counted_is_named(o: Objective, field: str) -> None:
    (problem,) = benchmark_problems([o], profile(stage("40req/s", 60)), confidence=0.99)
    assert problem.reason == "NotCounted"
    assert f"set {field}" in problem.message


class TestCounting:
    def test_nothing_more_for_latencies(self) -> None:
        assert benchmark_counting([P99, MEAN, ERRORS]) is None

    def test_percentiles_of_token_times_and_goals_of_streams(self) -> None:
        ttft = objective("TimeToFirstToken", statistic="P95", max="400ms")
        found = benchmark_counting(
            [
                ttft,
                ttft.model_copy(update={"name": "twice"}),
                objective("TimePerOutputToken", statistic="Mean", max="50ms"),
                objective("Goodput", meets={"timeToFirstToken": "300ms"}, min="3req/s"),
                objective("Goodput", name="whole", meets={"latency": "2s"}, min="3req/s"),
            ]
        )
        assert found is not None
        assert [(limit.time, limit.limit) for limit in found.tokens] == [("TimeToFirstToken", "400ms")]
        assert [str(goal) for goal in found.goals] == ["first token 300ms"]

    def test_a_goal_of_latency_alone_is_one_more_limit(self) -> None:
        o = objective("Goodput", meets={"latency": "2s"}, min="3req/s")
        assert benchmark_limits([o, objective("ViolationRate", within="1s", max="5%")]) == (1, 2)
