"""Limits from a measurement: it keeps them, with room to spare."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.decide.objectives import benchmark, stage
from tests.unit.decide.test_dimensions import server, times, tokens
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.objective import Objective
from tollgate.api.verdict import Verdict
from tollgate.decide.estimates import Loaded
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.limits import limit_value
from tollgate.decide.suggesting import _away, suggest
from tollgate.measure.cost import PodCost

PODS = Loaded(2, PodCost(Decimal("3.60"), "EUR"))


def suggested(result: BenchmarkResult, headroom: float = 0.2) -> dict[str, Objective]:
    return {o.name: o for o in suggest(result, PODS, headroom=headroom, confidence=0.99)}


def test_what_every_measurement_shows() -> None:
    found = suggested(benchmark())
    assert set(found) == {"tail", "mean", "errors", "cost", "accuracy"}
    assert found["cost"].max is not None
    assert found["cost"].max.endswith("EUR"), "in the currency of the prices"


def test_meters_and_tokens_add_theirs() -> None:
    assert {"energy", "memory"} <= set(suggested(benchmark(server(energy="4800J", peakMemory="300Mi"))))
    assert "first-token" in suggested(benchmark(times("110ms", "20ms", 2, "TimeToFirstToken")))
    assert "cost-of-tokens" in suggested(benchmark(tokens()))


def test_what_one_stage_does_not_show_is_left_out() -> None:
    result = benchmark(server(peakMemory="300Mi"), stage(name="other"))
    assert "memory" not in suggested(result)


@pytest.mark.parametrize("headroom", [0.05, 0.2, 1.0])
def test_the_measurement_keeps_what_it_suggests(headroom: float) -> None:
    result = benchmark(server(energy="4800J", peakMemory="300Mi"))
    found = list(suggested(result, headroom).values())
    # Counted at the limits that come out: the tail's are those of the sketch.
    judged = judge_benchmark([o for o in found if o.name != "tail"], result, confidence=0.99, cost=PODS.cost)
    assert {r.verdict for r in judged} == {Verdict.WITHIN}, [r.message for r in judged]


def test_more_headroom_is_looser() -> None:
    less, more = suggested(benchmark(), 0.1), suggested(benchmark(), 0.5)
    for name, o in less.items():
        sign = 1 if o.max is not None else -1
        assert sign * (limit_value(more[name]) - limit_value(o)) > 0, name


def test_a_client_that_was_the_limit_suggests_nothing() -> None:
    assert suggested(benchmark(stage(clientLimited="too slow"))) == {}


@given(st.floats(1e-6, 1e9))
def test_rounding_goes_away_from_what_was_measured(value: float) -> None:
    assert value * (1 - 1e-7) <= _away(value, up=True) <= value * 1.1 + 1e-12


@given(st.floats(0.01, 0.999))
def test_and_of_what_must_be_at_least_so_much_down(value: float) -> None:
    assert _away(value, up=False) <= value + 1e-7
