"""What a stage of another load than a steady one may say: it is reported, and nothing is certified by it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tests.unit.decide.test_planning import profile
from tollgate.api.objective import Objective
from tollgate.api.verdict import Reason, Relation, Verdict
from tollgate.decide.compare import Arm, compare_benchmarks
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.planning import benchmark_problems

KINDS = ["Burst", "Ramp", "Trace", "Closed", "ClosedForDuration"]


def judged(objectives: list[Objective], *stages: dict[str, Any]) -> list[Any]:
    return judge_benchmark(objectives, benchmark(*stages), confidence=0.99, cost=None)


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_numbers_of_such_a_load_certify_no_latency_and_no_errors(kind: str) -> None:
    for result in judged([P99, MEAN, ERRORS, THROUGHPUT, COST], stage(name="odd", load=kind)):
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)
        assert "stage odd is only reported, as" in result.message
        assert "add a stage of arrival Poisson or Constant" in result.message


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("Closed", Verdict.WITHIN),
        ("ClosedForDuration", Verdict.INCONCLUSIVE),
        ("Burst", Verdict.INCONCLUSIVE),
        ("Ramp", Verdict.INCONCLUSIVE),
        ("Trace", Verdict.INCONCLUSIVE),
    ],
)
def test_whether_answers_are_right_is_judged_where_their_number_was_fixed(
    kind: str, verdict: Verdict
) -> None:
    (result,) = judged([ACCURACY], stage(load=kind))
    assert result.verdict is verdict
    (wrong,) = judged([ACCURACY], stage(load=kind, correct=1000))
    assert wrong.verdict is (Verdict.BREACH if kind == "Closed" else Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dreadful_burst_neither_breaches_nor_hides_the_stage_that_is_judged(kind: str) -> None:
    over = [{"limit": "250ms", "requests": 2400}]
    dreadful = stage(name="odd", load=kind, errors=2000, overLimit=over, correct=0, scored=0)
    results = judged([P99, ERRORS, THROUGHPUT], stage(), dreadful)
    assert [r.verdict for r in results] == [Verdict.WITHIN] * 3
    assert all(r.message.startswith("stage steady") for r in results)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_compared(kind: str) -> None:
    fast, slow = (
        Arm(benchmark(stage(), stage(name="odd", load=kind, mean=mean)), None) for mean in ("10ms", "90ms")
    )
    compared = compare_benchmarks([MEAN], slow, fast, confidence=0.99)
    assert {seen.stage for seen in compared.worst} == {"steady"}
    assert compared.of("mean") is Relation.EQUAL


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": "400req/s", "arrival": "Burst", "burst": 100},
        {"rate": "400req/s", "arrival": "Ramp", "toRate": "800req/s"},
        {"arrival": "Trace", "trace": {"name": "monday"}},
        {"concurrency": 8},
    ],
)
def test_a_profile_without_a_stage_that_can_certify_is_a_problem(fields: dict[str, Any]) -> None:
    odd = {"name": "odd", "requests": 10_000, **fields}
    problems = benchmark_problems([P99, ERRORS, THROUGHPUT], profile(odd), confidence=0.99)
    assert [(p.objective, p.reason) for p in problems] == [
        ("tail", "LoadNotJudged"),
        ("errorrate", "LoadNotJudged"),
        ("throughput", "LoadNotJudged"),
    ]
    assert all("stage odd is only reported" in p.message for p in problems)
    steady = {"name": "steady", "rate": "40req/s", "durationSeconds": 60}
    assert benchmark_problems([P99, ERRORS, THROUGHPUT], profile(odd, steady), confidence=0.99) == []


def test_a_closed_loop_by_requests_plans_for_accuracy() -> None:
    closed = {"name": "alone", "scenario": "SingleStream"}
    assert benchmark_problems([ACCURACY], profile({**closed, "requests": 95}), confidence=0.99) == []
    (problem,) = benchmark_problems([ACCURACY], profile({**closed, "requests": 94}), confidence=0.99)
    assert "stage alone sends 94 requests (concurrency 1), and needs 95" in problem.message
    (never,) = benchmark_problems([ACCURACY], profile({**closed, "durationSeconds": 60}), confidence=0.99)
    assert "no number of requests that is fixed beforehand" in never.message
