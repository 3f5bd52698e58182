"""From records to counts: against plain Python on small numbers, and as properties on any."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.transport import read_bins
from tollgate.bench.audit import nearest_rank
from tollgate.bench.records import Outcome
from tollgate.bench.sketch import sketch
from tollgate.bench.summary import summarize

LATENCIES = st.lists(st.floats(1e-6, 300), min_size=1, max_size=200)


def test_a_stage_of_a_hundred_requests() -> None:
    run = record(np.arange(1, 101) / 1000 - 1e-9, timeout=10)  # a hair below each limit
    result = summarize(stage(), run, ["50ms", "100ms", "0.0995s"])
    assert result.requests == 100
    assert result.errors == 0
    assert result.error_kinds == {}
    assert {over.limit: over.requests for over in result.over_limit} == {"50ms": 50, "100ms": 0, "0.0995s": 1}
    assert (result.scored, result.correct) == (100, 100)
    assert result.mean == "50.5ms"
    assert result.quantiles.model_dump() == {
        "p50": "50ms",
        "p90": "90ms",
        "p95": "95ms",
        "p99": "99ms",
        "p999": "100ms",
        "max": "100ms",
    }
    assert (result.requested_rate, result.achieved_rate) == ("100req/s", "100req/s")
    assert result.seconds == "1.09s"  # the last is due at 0.99 s and takes 0.1 s
    assert result.answered_rate == "91.74req/s"
    assert [block.requests for block in result.blocks] == [10] * 10
    assert result.blocks[0].mean == "5.5ms"
    assert result.schedule_delay_p99 == "100us"
    assert result.client_limited == ""
    assert not result.warm_up
    assert summarize(stage(warmUp=True), run, []).warm_up


def test_failures_are_slower_than_every_limit_and_never_correct() -> None:
    run = record([0.01] * 100, timeout=10)
    run.outcome[:3] = Outcome.TIMEOUT
    run.outcome[3:5] = Outcome.HTTP_5XX  # answered, and quickly: no credit for that
    run.correct[:5] = False
    result = summarize(stage(), run, ["1s", "60s"])
    assert result.errors == 5
    assert result.error_kinds == {"timeout": 3, "http_5xx": 2}
    assert [over.requests for over in result.over_limit] == [5, 5]
    assert (result.scored, result.correct) == (100, 95)
    assert (result.quantiles.p95, result.quantiles.p99, result.quantiles.max) == ("10ms", "10s", "10s")
    assert result.mean == "10ms"
    assert sum(block.requests for block in result.blocks) == 95
    assert sum(count for _, count in read_bins(result.sketch)) == 100


def test_a_dead_server_is_no_flattering_mean() -> None:
    run = record([0.001] * 20, timeout=10)
    run.outcome[:] = Outcome.CONNECT
    run.correct[:] = False
    result = summarize(stage(), run, ["250ms"])
    assert result.errors == result.requests == result.over_limit[0].requests == 20
    assert result.mean == result.quantiles.p50 == "10s"
    assert result.blocks == []
    assert result.answered_rate == "0req/s"


def test_requests_that_were_never_sent_do_not_raise_the_achieved_rate() -> None:
    run = record([0.01] * 100)
    run.sent[50:] = np.nan
    run.outcome[50:] = Outcome.TIMEOUT
    run.correct[50:] = False
    assert summarize(stage(), run, []).achieved_rate == "50req/s"


def test_one_request_is_a_result_too() -> None:
    result = summarize(stage(rate="1req/s"), record([0.25], rate=1), ["250ms"])
    assert result.over_limit[0].requests == 0
    assert result.quantiles.p50 == result.quantiles.max == result.mean == "250ms"
    assert [block.requests for block in result.blocks] == [1]


@given(LATENCIES, st.sampled_from([500, 900, 950, 990, 999, 1000]))
def test_the_nearest_rank_is_the_least_value_that_enough_do_not_exceed(
    latency: list[float], per_mille: int
) -> None:
    found = nearest_rank(latency, per_mille)
    needed = Decimal(per_mille) / 1000 * len(latency)
    assert sum(value <= found for value in latency) >= needed
    assert all(sum(value <= smaller for value in latency) < needed for smaller in latency if smaller < found)


@given(LATENCIES)
def test_the_sketch_holds_every_request_in_the_bin_of_its_latency(latency: list[float]) -> None:
    made = sketch(np.asarray(latency))
    growth = float(made.growth)
    bins = dict(read_bins(made))
    assert sum(bins.values()) == len(latency)
    ordered = iter(sorted(latency))
    for index, count in bins.items():
        for _ in range(count):
            microseconds = next(ordered) * 1e6
            assert growth ** (index - 1) * (1 - 1e-5) <= microseconds <= growth**index * (1 + 1e-5)


def test_a_sketch_of_everything_at_once_still_fits() -> None:
    latency = np.repeat(np.geomspace(1e-6, 300, 5000), 200)
    made = sketch(latency)
    assert len(made.bins) <= 2048
    assert sum(count for _, count in read_bins(made)) == 1_000_000
    assert float(made.growth) < 1.25


@given(st.lists(st.tuples(st.floats(1e-6, 9), st.sampled_from(list(Outcome))), min_size=1, max_size=300))
def test_every_count_adds_up(outcomes: list[tuple[float, Outcome]]) -> None:
    run = record([latency for latency, _ in outcomes])
    run.outcome[:] = [outcome for _, outcome in outcomes]
    good = run.outcome == Outcome.ANSWERED
    run.correct[:] = good
    result = summarize(stage(), run, ["100ms", "1s"])  # whose model refuses what does not add up
    assert result.errors == sum(result.error_kinds.values()) == np.count_nonzero(~good)
    assert result.correct == sum(block.requests for block in result.blocks) == np.count_nonzero(good)
    for over, bound in zip(result.over_limit, (0.1, 1.0), strict=True):
        slow = sum(bool(outcome) or latency > bound for latency, outcome in outcomes)
        on_the_bound = sum(math.isclose(latency, bound) for latency, _ in outcomes)
        assert abs(over.requests - slow) <= on_the_bound
    slowest = float(units.parse_duration(result.quantiles.max))
    assert slowest == pytest.approx(
        10 if not good.all() else max(latency for latency, _ in outcomes), rel=1e-3
    )


def test_the_client_says_how_it_was() -> None:
    run = record([0.01] * 100)
    run.cpu, run.in_flight, run.throttled, run.lags = 0.42, 7, 0.01, [0.0] * 99 + [0.002]
    told = summarize(stage(), run, []).client
    assert told is not None
    assert told.dump() == {"workers": 1, "cpu": "0.42", "lagP99": "0us", "inFlight": 7, "throttled": "10ms"}


def test_a_result_with_lost_workers_must_say_so() -> None:
    fair = summarize(stage(), record([0.01] * 100), []).dump()
    with pytest.raises(ValueError, match="does not say so in clientLimited"):
        StageResult.model_validate(fair | {"workersLost": 1})
