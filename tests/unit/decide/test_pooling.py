from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.decide.objectives import ACCURACY, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tests.unit.measure.probes import holds, search
from tests.unit.measure.probes import searched as search_probes
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import ParetoRelation
from tollgate.api.hardware import Hardware
from tollgate.api.units import parse_duration
from tollgate.api.verdict import Relation, Verdict
from tollgate.bench.audit import nearest_rank
from tollgate.bench.sketch import sketch
from tollgate.decide.benchmark_verdict import benchmark_verdict
from tollgate.decide.compare import Arm
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.levels import Looks
from tollgate.decide.pooling import can_be_added, pooled

TAILS = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999, "max": 1000}
NODE = Hardware(pods=2, instance_type="m5.xlarge", architecture="amd64")


def over(requests: int) -> list[dict[str, Any]]:
    return [{"limit": "250ms", "requests": requests}]


def test_counts_are_added_and_rates_are_those_of_the_whole_time() -> None:
    one = benchmark(stage(overLimit=over(10), errors=4, correct=2000, errorKinds={"timeout": 4}))
    other = benchmark(
        stage(
            requests=1200, scored=1200, blocks=[], overLimit=over(2), correct=1100, errorKinds={"http_5xx": 1},
            errors=1, seconds="60s", achievedRate="20req/s", answeredRate="20req/s",
        )
    )  # fmt: skip
    (both,) = pooled([one, other]).stages
    assert (both.requests, both.errors, both.scored, both.correct) == (3600, 5, 3600, 3100)
    assert both.over_limit[0].requests == 12
    assert both.error_kinds == {"timeout": 4, "http_5xx": 1}
    assert (both.seconds, both.achieved_rate) == ("120s", "30req/s")
    assert len(both.blocks) == 20
    assert both.spread is None


OVER = {"time": "TimeToFirstToken", "limit": "200ms", "of": 8, "least": 2, "most": 3}


def test_what_answers_told_is_added_but_for_its_times() -> None:
    told = stage(
        accepted=5,
        exitStages={"1": 7},
        tokens={"input": 50, "output": 100, "rate": "5tok/s"},
        stream={"streams": 7, "timed": 7, "chunks": 99, "overLimit": [OVER]},
        goals=[{"timeToFirstToken": "200ms", "requests": 4}],
    )
    told["variability"] = {"inputs": 9, "repeated": 9, "share": "0.5", "between": "1ms", "within": "1ms"}
    (both,) = pooled([benchmark(told), benchmark(told)]).stages
    assert both.variability is None, "without an error of the share"
    assert (both.accepted, both.exit_stages) == (10, {"1": 14})
    assert both.tokens is not None
    assert both.stream is not None
    assert (both.tokens.input, both.tokens.output, both.tokens.rate) == (100, 200, None)
    assert (both.stream.streams, both.stream.chunks, both.stream.time_to_first_token) == (14, 198, None)
    (over,) = both.stream.over_limit
    assert (over.of, over.least, over.most) == (16, 4, 6)
    assert [goal.requests for goal in both.goals] == [8]


def test_the_share_between_inputs_is_that_of_all_measurements() -> None:
    seen = {"inputs": 30, "repeated": 30, "groups": 10, "between": "1ms", "within": "1ms"}
    shares = [{"share": "0.5", "shareError": "0.1"}, {"share": "0.7", "shareError": "0.2"}]
    (both,) = pooled([benchmark(stage(variability=seen | one)) for one in shares]).stages
    assert both.variability is not None
    assert (both.variability.share, both.variability.share_error, both.variability.groups) == (
        "0.6",
        "0.15",
        10,
    )
    assert both.variability.between == "", "not known of both together"


def test_the_deviation_of_tokens_is_that_of_all_answers() -> None:
    less = {"requests": 3, "overLimit": [], "blocks": [], "scored": 0, "correct": 0}
    few = stage(tokens={"output": 30, "outputDeviation": "10"}, **less)  # 0, 10, 20
    many = stage(tokens={"output": 90, "outputDeviation": "10"}, **less)  # 20, 30, 40
    (both,) = pooled([benchmark(few), benchmark(many)]).stages
    assert both.tokens is not None
    values = [0, 10, 20, 20, 30, 40]
    assert float(both.tokens.output_deviation) == pytest.approx(statistics.stdev(values), abs=1e-3)


def test_one_alone_is_itself() -> None:
    alone = benchmark()
    assert pooled([alone]) is alone


def test_sketches_of_another_growth_are_added_at_the_coarser_one() -> None:
    coarse = benchmark(stage(sketch={"growth": "1.102500", "bins": "111:2400"}))
    (both,) = pooled([benchmark(), coarse]).stages
    assert both.sketch.growth == "1.102500"
    assert both.sketch.bins == "111:4200,115:480,119:100,122:20"


def measured(latency: NDArray[np.float64]) -> BenchmarkResult:
    found = {name: f"{nearest_rank(latency, share) * 1e6:.0f}us" for name, share in TAILS.items()}
    return benchmark(stage(quantiles=found, sketch=sketch(latency).dump(), blocks=[]))


def test_quantiles_are_of_all_requests_and_no_average() -> None:
    """0.3 % slow and 3 % slow: neither's p99, nor anything between by half, is that of all."""
    rng = np.random.default_rng(7)
    fast, slow = (
        np.where(rng.random(2400) < share, 2.0, 0.02) * rng.lognormal(0, 0.2, 2400) for share in (0.003, 0.03)
    )
    (both,) = pooled([measured(fast), measured(slow)]).stages
    whole = np.concatenate([fast, slow])
    for name, per_mille in TAILS.items():
        exact, said = nearest_rank(whole, per_mille), parse_duration(getattr(both.quantiles, name))
        assert exact * 0.999 <= float(said) <= exact * 1.051


def test_a_sketch_that_did_not_fit_leaves_no_bound_instead_of_a_wrong_one() -> None:
    without = benchmark(stage(sketch={"growth": "1.05", "bins": ""}))
    (both,) = pooled([benchmark(), without]).stages
    assert both.sketch.bins == ""


def test_a_server_that_answered_nothing_has_no_rate() -> None:
    dead = benchmark(stage(errors=2400, overLimit=over(2400), answeredRate="0req/s", correct=0, blocks=[]))
    (both,) = pooled([dead, dead]).stages
    assert both.answered_rate == "0req/s"
    assert judge_benchmark([THROUGHPUT], pooled([dead, dead]), confidence=0.99)[0].verdict is Verdict.BREACH


@pytest.mark.parametrize(
    "fields",
    [
        {"dataset": "sha256:" + "c" * 64},
        {"profile": "sha256:" + "c" * 64},
        {"pods": 3},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_was_measured_otherwise_is_not_added(fields: dict[str, Any]) -> None:
    assert can_be_added(Arm(benchmark(), None), Arm(benchmark(repetition=1), None))
    assert not can_be_added(Arm(benchmark(), None), Arm(benchmark(**fields), None))


def test_other_limits_or_other_machines_are_not_added() -> None:
    slower = benchmark(stage(overLimit=[{"limit": "300ms", "requests": 0}]))
    assert not can_be_added(Arm(benchmark(), None), Arm(slower, None))
    assert not can_be_added(Arm(benchmark(), None, (NODE,)), Arm(benchmark(), None, ()))


def test_two_that_say_too_little_certify_together() -> None:
    noisy = Arm(benchmark(stage(overLimit=over(15))), None)
    calm = Arm(benchmark(stage(overLimit=over(5)), repetition=1), None)
    alone = benchmark_verdict([P99], noisy, None, confidence=0.99)
    assert alone.objectives[0].verdict is Verdict.INCONCLUSIVE
    together = benchmark_verdict([P99], noisy, None, confidence=0.99, repeats=[calm], looks=Looks(2, 2))
    assert together.objectives[0].verdict is Verdict.WITHIN
    assert together.objectives[0].message.startswith("stage steady: 20 of 4,800 requests")


def test_a_later_look_wants_more_evidence() -> None:
    result = benchmark(stage(requests=500, scored=0, correct=0, blocks=[]))
    first, second = (
        judge_benchmark([P99], result, confidence=0.99, looks=looks)[0].verdict
        for looks in (Looks(), Looks(2, 2))
    )
    assert (first, second) == (Verdict.WITHIN, Verdict.INCONCLUSIVE)


def test_the_comparison_is_that_of_the_first_measurement() -> None:
    """Repeating it until nothing is shown would be a way around people who sign."""
    worse = Arm(
        benchmark(stage(blocks=[{"requests": 120, "mean": f"{70 + i % 3}ms"} for i in range(20)])), None
    )
    same, last_good = Arm(benchmark(repetition=1), None), Arm(benchmark(), None)
    said = benchmark_verdict(
        [MEAN], worse, last_good, confidence=0.99, repeats=[same, same], looks=Looks(3, 3)
    )
    assert said.relation is ParetoRelation.DOMINATED
    assert said.objectives[0].relation is Relation.WORSE


def test_rates_of_other_arrivals_are_compared_by_their_own_intervals() -> None:
    """That both met the same arrivals is what makes their comparison sharp."""
    slower = stage(achievedRate="38req/s", answeredRate="38req/s")
    last_good = Arm(benchmark(), None)
    strict = THROUGHPUT.model_copy(update={"max_regression": "0%"})
    same = benchmark_verdict([strict], Arm(benchmark(slower), None), last_good, confidence=0.95)
    other = benchmark_verdict(
        [strict], Arm(benchmark(slower, repetition=1), None), last_good, confidence=0.95
    )
    assert (same.relation, other.relation) == (ParetoRelation.DOMINATED, ParetoRelation.EQUAL)


def test_everything_can_be_judged_of_a_sum() -> None:
    results = judge_benchmark(
        [P99, MEAN, ERRORS, ACCURACY, THROUGHPUT], pooled([benchmark()] * 3), confidence=0.99
    )
    assert {r.verdict for r in results} == {Verdict.WITHIN}


def searched(limit: int) -> BenchmarkResult:
    probes = [p.dump() for p in search_probes(search(), holds(limit))]
    return benchmark(stage(overLimit=over(10)), *probes)


def test_the_search_of_the_first_is_kept_and_that_of_another_length_is_in_no_way() -> None:
    one, other = searched(30), searched(5)
    assert len(one.stages) != len(other.stages)
    assert can_be_added(Arm(one, None), Arm(other, None))
    both = pooled([one, other])
    assert both.declared[0].requests == 2 * one.declared[0].requests
    assert both.probes == one.probes


def test_probes_are_not_judged_and_take_nothing_of_alpha() -> None:
    without = judge_benchmark([P99, ERRORS], benchmark(stage(overLimit=over(10))), confidence=0.99)
    assert judge_benchmark([P99, ERRORS], searched(30), confidence=0.99) == without
