"""Every dimension of a budget: a benchmark that is within, one that breaches, and one that says nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.unit.decide.objectives import benchmark, objective, stage
from tollgate.api.dimension import SHAPES, Dimension
from tollgate.api.facts import Facts
from tollgate.api.objective import Objective
from tollgate.api.transport import write_bins
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.measure.cost import PodCost

CHEAP = PodCost(Decimal("3.60"), "USD")
STEADY = {"since": "2026-01-01T12:00:00Z", "until": "2026-01-01T12:01:00Z"}


def judged(o: Objective, told: dict[str, Any], facts: dict[str, Any] | None = None) -> ObjectiveResult:
    known = Facts.model_validate(facts or {})
    (result,) = judge_benchmark([o], benchmark(told), confidence=0.99, cost=CHEAP, facts=known)
    return result


def scored(name: str, mean: float = 0.7, requests: int = 2400) -> dict[str, Any]:
    """Answers that all have the same score."""
    total, squares = round(requests * mean * 1e6), round(requests * mean * mean * 1e6)
    return stage(
        quality={"scores": [{"name": name, "requests": requests, "total": total, "squares": squares}]}
    )


def server(**readings: Any) -> dict[str, Any]:
    """Read over 60 s; sums have a standard error of 2 % over 11 stretches."""
    errors = {
        name: "0.02" for name in ("energy", "cpuSeconds", "gpuUtilization", "flops") if name in readings
    }
    return stage(steady=STEADY, server={"intervals": 11, "errors": errors, **readings})


def times(p99: str, mean: str, over: int, which: str, n: int = 2400) -> dict[str, Any]:
    """A streamed stage, one of whose token times is so."""
    seen = {
        "mean": mean,
        "error": "0.01",
        "blocks": 20,
        **dict.fromkeys(("p50", "p90", "p95"), mean),
        "p99": p99,
        "max": p99,
        "sketch": {"growth": "1.05", "bins": write_bins({200: n - n // 50, 230: n // 50})},
    }
    field = which[0].lower() + which[1:]
    counted = {"time": which, "limit": "200ms", "of": n, "least": over, "most": over}
    return stage(
        stream={"streams": n, "timed": n, "chunks": 40 * n, field: seen, "overLimit": [counted]},
        goals=[{"timeToFirstToken": "200ms", "requests": 2400 - over}],
    )


def tokens(output: int = 240_000, deviation: str = "30", pace: str = "40req/s") -> dict[str, Any]:
    """100 tokens an answer and 20 of its input, 4,000 a second: the server is the limit, as more was asked for."""
    told = {"output": output, "outputDeviation": deviation, "input": 48_000, "inputDeviation": "5"}
    return stage(
        requestedRate="60req/s",
        achievedRate="60req/s",
        answeredRate=pace,
        tokens=told | {"totalDeviation": "31", "rate": "4000tok/s"},
    )


def exits(**counts: int) -> dict[str, Any]:
    return stage(exitStages={name.removeprefix("_"): count for name, count in counts.items()})


def varies(share: str = "0.5") -> dict[str, Any]:
    return stage(
        variability={"inputs": 100, "repeated": 100, "share": share, "shareError": "0.05", "groups": 10}
    )


class Row(NamedTuple):
    """An objective, and what of it is within, breaches, and is not known."""

    o: dict[str, Any]
    within: dict[str, Any]
    breach: dict[str, Any]
    unknown: dict[str, Any] = stage()
    facts: dict[str, Any] = {}
    bad_facts: dict[str, Any] | None = None


def declares(**annotations: str) -> dict[str, Any]:
    return {"declared": annotations}


def started(worst: str) -> dict[str, Any]:
    return {"starts": {"pods": 2, "fromScheduling": {"median": worst, "worst": worst}}}


NONE = stage(requests=0, errors=0, overLimit=[], blocks=[], scored=0, correct=0, answeredRate="0req/s")
NONE["sketch"] = {"growth": "1.05", "bins": ""}
LATE = [{"limit": "250ms", "requests": 200}]
FAILED = stage(errors=600, overLimit=[{"limit": "250ms", "requests": 600}], answeredRate="30req/s")
GOOD = stage()
WIDE = stage(sketch={"growth": "1.05", "bins": write_bins({150: 2000, 260: 400})}, mean="70ms")
WIDE["quantiles"] = {
    "p50": "1.5ms",
    "p90": "310ms",
    "p95": "310ms",
    "p99": "320ms",
    "p999": "320ms",
    "max": "320ms",
}
WIDE["overLimit"] = [{"limit": "250ms", "requests": 400}]

ROWS: dict[Dimension, list[Row]] = {
    Dimension.LATENCY: [
        Row({"statistic": "P99", "max": "250ms"}, GOOD, stage(overLimit=LATE), NONE),
        Row(
            {"statistic": "Mean", "max": "80ms"},
            GOOD,
            stage(blocks=[{"requests": 120, "mean": "90ms"}] * 20),
            NONE,
        ),
    ],
    **{
        dimension: [
            Row(
                {"statistic": "P99", "max": "200ms"},
                times("110ms", "20ms", 2, dimension),
                times("900ms", "20ms", 200, dimension),
            ),
            Row(
                {"statistic": "Mean", "max": "30ms"},
                times("110ms", "20ms", 2, dimension),
                times("110ms", "40ms", 2, dimension),
            ),
        ]
        for dimension in (
            Dimension.TIME_TO_FIRST_TOKEN,
            Dimension.TIME_PER_OUTPUT_TOKEN,
            Dimension.INTER_TOKEN_LATENCY,
        )
    },
    Dimension.VIOLATION_RATE: [Row({"within": "250ms", "max": "3%"}, GOOD, stage(overLimit=LATE), NONE)],
    Dimension.ERROR_RATE: [Row({"max": "0.5%"}, GOOD, FAILED, NONE)],
    Dimension.THROUGHPUT: [
        Row({"min": "30req/s"}, GOOD, stage(answeredRate="20req/s"), stage(requestedRate="30req/s")),
        Row({"min": "3500tok/s"}, tokens(), tokens(output=120_000), GOOD),
    ],
    Dimension.GOODPUT: [
        Row(
            {"meets": {"latency": "250ms"}, "min": "30req/s"},
            GOOD,
            stage(overLimit=LATE, answeredRate="20req/s"),
            stage(overLimit=[]),
        ),
        Row(
            {"meets": {"timeToFirstToken": "200ms"}, "min": "30req/s"},
            times("110ms", "20ms", 2, "TimeToFirstToken"),
            times("110ms", "20ms", 1200, "TimeToFirstToken"),
        ),
    ],
    Dimension.COST: [
        Row({"per": "Request", "max": "0.0001USD"}, GOOD, stage(answeredRate="10req/s"), NONE),
        Row({"per": "1kRequests", "max": "0.06USD"}, GOOD, stage(answeredRate="10req/s"), NONE),
        Row({"per": "1kTokens", "max": "0.0006USD"}, tokens(), tokens(output=120_000), GOOD),
        Row({"per": "1MTokens", "max": "0.6USD"}, tokens(), tokens(output=120_000), GOOD),
        Row(
            {"per": "CorrectAnswer", "max": "0.0001USD"}, GOOD, stage(correct=600), stage(scored=0, correct=0)
        ),
        Row({"per": "AcceptedOutcome", "max": "0.0001USD"}, stage(accepted=2300), stage(accepted=300)),
    ],
    Dimension.ENERGY: [
        Row({"per": "Request", "max": "2.5J"}, server(energy="4800J"), server(energy="9600J")),
        Row({"per": "1kRequests", "max": "0.7Wh"}, server(energy="4800J"), server(energy="9600J")),
        Row({"per": "CorrectAnswer", "max": "0.0000007kWh"}, server(energy="4800J"), server(energy="9600J")),
        Row(
            {"per": "1MTokens", "max": "25kJ"},
            tokens() | server(energy="4800J"),
            tokens() | server(energy="9600J"),
        ),
        Row(
            {"per": "Token", "max": "25mJ"},
            tokens() | server(energy="4800J"),
            tokens() | server(energy="9600J"),
        ),
        Row(
            {"per": "1kRequests", "max": "0.3gCO2e"},
            server(energy="4800J"),
            server(energy="9600J"),
            facts={"energy": {"gramsPerKWh": "400"}},
        ),
        Row(
            {"per": "Request", "max": "2.5J"},
            server(cpuSeconds="480s"),
            server(cpuSeconds="960s"),
            facts={"energy": {"wattsPerCore": "10"}},
        ),
    ],
    Dimension.MEMORY: [Row({"max": "512Mi"}, server(peakMemory="300Mi"), server(peakMemory="600Mi"))],
    Dimension.GPU_MEMORY: [Row({"max": "20Gi"}, server(peakGpuMemory="12Gi"), server(peakGpuMemory="21Gi"))],
    Dimension.KV_CACHE: [Row({"max": "90%"}, server(peakKvCache="60%"), server(peakKvCache="97%"))],
    Dimension.GPU_UTILIZATION: [
        Row({"min": "40%"}, server(gpuUtilization="60%"), server(gpuUtilization="20%")),
        Row({"max": "90%"}, server(gpuUtilization="60%"), server(gpuUtilization="99%")),
    ],
    Dimension.COMPUTE: [
        Row({"per": "Request", "max": "14GFLOP"}, server(flops="24TFLOP"), server(flops="48TFLOP")),
        Row(
            {"per": "Token", "max": "14GFLOP"},
            GOOD,
            GOOD,
            facts=declares(flopsPerToken="12GFLOP"),
            bad_facts=declares(flopsPerToken="16GFLOP"),
        ),
    ],
    Dimension.MODEL_FLOPS_UTILIZATION: [
        Row(
            {"min": "35%"},
            server(flops="24TFLOP"),
            server(flops="12TFLOP"),
            facts=declares(peakFlops="400GFLOP"),
        ),
        Row(
            {"min": "35%"},
            GOOD,
            stage(answeredRate="10req/s"),
            facts=declares(peakFlops="400GFLOP", flopsPerRequest="10GFLOP"),
            unknown=NONE,
        ),
    ],
    Dimension.PARAMETERS: [
        Row(
            {"max": "8B"}, GOOD, GOOD, facts=declares(parameters="7B"), bad_facts=declares(parameters="8.1B")
        ),
        Row(
            {"max": "16Gi"},
            GOOD,
            GOOD,
            facts=declares(artifactSize="14Gi"),
            bad_facts=declares(artifactSize="17Gi"),
        ),
    ],
    Dimension.TOKENS: [
        Row({"metric": "Output", "max": "105tok"}, tokens(), tokens(output=300_000)),
        Row(
            {"metric": "Input", "max": "25tok"},
            tokens(),
            tokens() | {"tokens": {"input": 90_000, "inputDeviation": "5"}},
        ),
        Row({"metric": "Total", "max": "125tok"}, tokens(), tokens(output=300_000)),
    ],
    Dimension.CONTEXT_UTILIZATION: [
        Row({"max": "50%"}, tokens(), tokens(output=300_000), facts=declares(contextWindow="250tok")),
    ],
    Dimension.QUALITY: [
        Row({"metric": "Accuracy", "min": "0.95"}, GOOD, stage(correct=2000), stage(scored=0, correct=0)),
        Row({"metric": "F1Micro", "min": "0.95"}, GOOD, stage(correct=2000), stage(scored=0, correct=0)),
        Row(
            {"metric": "F1", "min": "0.9"},
            stage(quality={"positive": {"label": "1", "expected": 1200, "predicted": 1200, "correct": 1190}}),
            stage(quality={"positive": {"label": "1", "expected": 1200, "predicted": 1200, "correct": 900}}),
        ),
        Row(
            {"metric": "F1Macro", "min": "0.9"},
            stage(
                quality={"classes": [{"label": "1", "expected": 1200, "predicted": 1200, "correct": 1190}]}
            ),
            stage(quality={"classes": [{"label": "1", "expected": 1200, "predicted": 1200, "correct": 900}]}),
        ),
        Row(
            {"metric": "Score", "score": "rougeL", "min": "0.6"}, scored("rougeL"), scored("rougeL", mean=0.5)
        ),
    ],
    Dimension.CALIBRATION_ERROR: [
        Row(
            {"max": "0.2"},
            stage(
                quality={
                    "confidence": [{"answers": 0, "correct": 0, "confidence": 0}] * 9
                    + [{"answers": 2400, "correct": 2280, "confidence": 2280_000_000}],
                    "squaredError": 114_000_000,
                }
            ),
            stage(
                quality={
                    "confidence": [{"answers": 0, "correct": 0, "confidence": 0}] * 9
                    + [{"answers": 2400, "correct": 1200, "confidence": 2280_000_000}],
                    "squaredError": 1_086_000_000,
                }
            ),
        ),
    ],
    Dimension.VARIABILITY: [
        Row({"metric": "CoefficientOfVariation", "max": "0.5"}, GOOD, WIDE, NONE),
        Row({"metric": "P99ToP50", "max": "4"}, GOOD, WIDE, NONE),
        Row({"metric": "BetweenInputs", "max": "0.8"}, varies(), varies("0.99")),
    ],
    Dimension.EXIT_DEPTH: [
        Row({"max": "1.5"}, exits(_1=2000, _2=400), exits(_1=400, _2=2000), exits(early=2400))
    ],
    Dimension.EXPERT_IMBALANCE: [
        Row({"max": "1.5"}, exits(a=800, b=800, c=800), exits(a=2000, b=200, c=200))
    ],
    Dimension.COLD_START: [Row({"max": "30s"}, GOOD, GOOD, facts=started("20s"), bad_facts=started("45s"))],
}

CASES = [(dimension, row) for dimension, rows in ROWS.items() for row in rows]
NAMES = [f"{dimension}-{'-'.join(map(str, row.o.values()))}" for dimension, row in CASES]


def test_every_dimension_has_a_row() -> None:
    assert set(ROWS) == {d for d in Dimension if SHAPES[d].benchmark}
    assert set(SHAPES) == set(Dimension)


def test_what_live_traffic_alone_tells_is_left_to_it() -> None:
    result = judged(objective("QueueTime", statistic="P99", max="1s"), GOOD)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NOT_JUDGED_HERE)
    assert result.message == "QueueTime is judged in live traffic"


@pytest.mark.parametrize(("dimension", "row"), CASES, ids=NAMES)
class TestRows:
    def test_within(self, dimension: Dimension, row: Row) -> None:
        result = judged(objective(dimension, **row.o), row.within, row.facts)
        assert result.verdict is Verdict.WITHIN, result.message
        assert result.observed

    def test_breach(self, dimension: Dimension, row: Row) -> None:
        result = judged(objective(dimension, **row.o), row.breach, row.bad_facts or row.facts)
        assert result.verdict is Verdict.BREACH, result.message

    def test_what_is_not_known_is_no_verdict(self, dimension: Dimension, row: Row) -> None:
        result = judged(objective(dimension, **row.o), row.unknown)
        assert result.verdict is Verdict.INCONCLUSIVE, result.message
        assert result.reason is not None
        assert result.message


def energy(**fields: Any) -> Objective:
    return objective("Energy", per="Request", max="2.5J", **fields)


class TestEnergy:
    def test_in_the_units_of_the_limit(self) -> None:
        for limit, shown in [("2.5J", "2J"), ("0.001kWh", "0.0000005556kWh"), ("9mWh", None)]:
            if shown is None:
                with pytest.raises(ValueError, match="an energy above 0"):
                    objective("Energy", per="Request", max=limit)
            else:
                assert (
                    judged(objective("Energy", per="Request", max=limit), server(energy="4800J")).observed
                    == shown
                )

    def test_an_estimate_says_that_it_is_one(self) -> None:
        result = judged(energy(), server(cpuSeconds="480s"), {"energy": {"wattsPerCore": "10"}})
        assert (result.verdict, result.reason) == (Verdict.WITHIN, Reason.ESTIMATED)
        assert "estimated from CPU seconds" in result.message

    def test_an_estimate_is_refused_where_it_must_be_measured(self) -> None:
        result = judged(energy(measured=True), server(cpuSeconds="480s"), {"energy": {"wattsPerCore": "10"}})
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.ESTIMATED)
        assert "measured asks for a meter" in result.message

    def test_a_meter_goes_before_an_estimate(self) -> None:
        both = server(energy="4800J", cpuSeconds="9999s")
        result = judged(energy(), both, {"energy": {"wattsPerCore": "10"}})
        assert (result.observed, result.reason) == ("2J", None)

    def test_the_share_of_a_gpu_is_an_estimate(self) -> None:
        told = server(energy="4800J", attribution="0.25 of GPU-1")
        result = judged(energy(), told)
        assert (result.verdict, result.reason, result.observed) == (Verdict.WITHIN, Reason.ESTIMATED, "2J")
        assert "estimated from the share of a GPU: 0.25 of GPU-1" in result.message
        refused = judged(energy(measured=True), told)
        assert (refused.verdict, refused.reason) == (Verdict.INCONCLUSIVE, Reason.ESTIMATED)
        assert "the pods share GPUs (0.25 of GPU-1)" in refused.message

    def test_too_few_scrapes_to_know_how_it_varies(self) -> None:
        told = server(energy="4800J")
        told["server"]["intervals"] = 2
        result = judged(energy(), told)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_SCRAPES)
        assert "make the stage longer, or scrape more often" in result.message

    def test_a_counter_that_began_anew_counted_more_than_it_says(self) -> None:
        told = server(energy="4800J")
        told["server"]["restarts"] = 1
        assert judged(energy(), told).verdict is Verdict.INCONCLUSIVE
        worse = server(energy="9600J")
        worse["server"]["restarts"] = 1
        assert judged(energy(), worse).verdict is Verdict.BREACH, "it is even more"

    def test_emissions_need_the_grid(self) -> None:
        result = judged(objective("Energy", per="Request", max="0.3gCO2e"), server(energy="4800J"))
        assert "set energy.gramsPerKWh" in result.message


class TestDeclared:
    def test_what_is_missing_is_named(self) -> None:
        result = judged(objective("Parameters", max="8B"), stage())
        assert result.message == "the pod template has no annotation tollgate.dev/parameters: add it"

    def test_what_cannot_be_read_is_named(self) -> None:
        result = judged(objective("Parameters", max="8B"), stage(), declares(parameters="seven"))
        assert (
            "annotation tollgate.dev/parameters of the pod template: 'seven' is not valid here"
            in result.message
        )

    def test_bytes_are_no_parameters(self) -> None:
        result = judged(objective("Parameters", max="8B"), stage(), declares(parameters="7Gi"))
        assert "is not a number of parameters" in result.message

    def test_what_the_server_estimates_goes_before_what_is_declared(self) -> None:
        o = objective("Compute", per="Request", max="14GFLOP")
        result = judged(o, server(flops="24TFLOP"), declares(flopsPerRequest="99GFLOP"))
        assert result.observed == "10GFLOP"


class TestTokens:
    def test_a_server_that_keeps_pace_shows_the_load_and_not_what_it_can(self) -> None:
        told = tokens(pace="60req/s") | {"achievedRate": "60req/s"}
        result = judged(objective("Throughput", min="9000tok/s"), told)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NO_DATA)
        assert "raise its rate to show 9000tok/s" in result.message

    def test_of_bins_that_hold_the_limit_the_worse_count_must_be_within(self) -> None:
        told = times("110ms", "20ms", 2, "InterTokenLatency")
        told["stream"]["overLimit"][0]["most"] = 200
        result = judged(objective("InterTokenLatency", statistic="P99", max="200ms"), told)
        assert result.verdict is Verdict.INCONCLUSIVE

    def test_another_limit_than_was_counted(self) -> None:
        told = times("110ms", "20ms", 2, "TimeToFirstToken")
        result = judged(objective("TimeToFirstToken", statistic="P99", max="300ms"), told)
        assert "times over 300ms were not counted: measure again with this limit" in result.message


def test_the_start_is_known_to_a_second() -> None:
    o = objective("ColdStart", max="30s")
    assert judged(o, stage(), started("30s")).verdict is Verdict.INCONCLUSIVE
    assert judged(o, stage(), started("29s")).verdict is Verdict.WITHIN
    assert judged(o, stage(), started("32s")).verdict is Verdict.BREACH


def test_other_experts_make_it_unknown() -> None:
    result = judged(objective("ExpertImbalance", max="1.5"), exits(a=800, b=800, other=800))
    assert "more experts than the result tells apart" in result.message


class TestAmortized:
    """120USD over a million requests are 0.00012USD for each, beside the 0.00005USD that serving takes."""

    def cost(self, per: str, limit: str) -> Objective:
        return objective("Cost", per=per, max=limit, amortized={"total": "120USD", "requests": 1_000_000})

    def test_each_request_bears_its_share(self) -> None:
        assert judged(self.cost("Request", "0.001USD"), stage()).observed == "0.00017USD"
        assert judged(self.cost("1kRequests", "1USD"), stage()).observed == "0.17USD"

    def test_right_answers_bear_that_of_the_wrong_ones(self) -> None:
        half_right = stage(correct=1200)
        result = judged(self.cost("CorrectAnswer", "0.001USD"), half_right)
        assert (result.verdict, result.observed) == (Verdict.WITHIN, "0.00034USD")
        assert judged(self.cost("CorrectAnswer", "0.0003USD"), half_right).verdict is Verdict.BREACH

    def test_tokens_bear_that_of_their_answers(self) -> None:
        assert judged(self.cost("1kTokens", "1USD"), tokens()).observed == "0.0017USD"

    def test_it_is_of_a_cost_and_in_its_currency(self) -> None:
        once = {"total": "120EUR", "requests": 10}
        for fields in (
            {"dimension": "Cost", "per": "Request", "max": "1USD"},
            {"dimension": "ErrorRate", "max": "1%"},
        ):
            with pytest.raises(ValueError, match="amortized is for Cost, in the currency of its limit"):
                Objective.model_validate({"name": "o", **fields, "amortized": once})
