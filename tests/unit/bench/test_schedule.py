"""The schedule: the right arrivals, the right inputs, and nothing left to the moment."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from tests.unit.bench.plans import profile, stage
from tollgate.bench.schedule import Loop, plan_stage

POISSON = {"arrival": "Poisson", "rate": "100req/s", "durationSeconds": 200}


def test_constant_arrivals_are_equally_spaced() -> None:
    plan = plan_stage(stage(rate="40req/s", durationSeconds=3), groups=[""] * 1, seed=1, number=0)
    assert len(plan) == 120
    assert plan.due[0] == 0
    np.testing.assert_allclose(np.diff(plan.due), 1 / 40, rtol=1e-9)
    assert plan.span == 3


@pytest.mark.parametrize("arrival", ["Constant", "Poisson"])
def test_a_stage_by_requests_is_the_one_by_duration_that_sends_as_many(arrival: str) -> None:
    counted = stage(arrival=arrival, rate="40req/s", durationSeconds=None, requests=120)
    timed = stage(arrival=arrival, rate="40req/s", durationSeconds=3)
    one, other = (plan_stage(s, groups=[""] * 7, seed=1, number=0) for s in (counted, timed))
    np.testing.assert_array_equal(one.due, other.due)
    np.testing.assert_array_equal(one.items, other.items)
    assert one.span == other.span


def test_poisson_gaps_are_exponential() -> None:
    plan = plan_stage(stage(**POISSON), groups=[""] * 1, seed=1, number=0)
    gaps = np.diff(plan.due, prepend=0)
    assert len(plan) == 20_000
    assert stats.kstest(gaps, "expon", args=(0, 1 / 100)).pvalue > 0.01
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03  # independent: the standard error is 0.007


def test_poisson_counts_per_second_vary_as_poisson_counts_do() -> None:
    """What a schedule rescaled to end on time, or drawn per second, gets wrong."""
    plan = plan_stage(stage(**POISSON), groups=[""] * 1, seed=1, number=0)
    counts = np.bincount(plan.due.astype(int))[:-1]
    assert 0.75 < counts.var() / counts.mean() < 1.3  # the standard error is 0.1
    ends = [plan_stage(stage(**POISSON), groups=[""] * 1, seed=seed, number=0).span for seed in range(200)]
    assert np.mean(ends) == pytest.approx(200, abs=0.5)
    assert np.std(ends) == pytest.approx(np.sqrt(20_000) / 100, rel=0.2)


def test_the_seed_and_the_stage_decide_everything() -> None:
    one, same = (plan_stage(stage(**POISSON), groups=[""] * 7, seed=3, number=1) for _ in range(2))
    np.testing.assert_array_equal(one.due, same.due)
    np.testing.assert_array_equal(one.items, same.items)
    for other in (
        plan_stage(stage(**POISSON), groups=[""] * 7, seed=4, number=1),
        plan_stage(stage(**POISSON), groups=[""] * 7, seed=3, number=2),
    ):
        assert not np.array_equal(one.due, other.due)
        assert not np.array_equal(one.items, other.items)


@pytest.mark.parametrize("items", [1, 7, 100, 1000])
def test_each_input_is_used_equally_often(items: int) -> None:
    plan = plan_stage(stage(), groups=[""] * items, seed=1, number=0)
    uses = np.bincount(plan.items, minlength=items)
    assert uses.sum() == 100
    assert uses.max() - uses.min() <= 1


def test_each_cycle_has_an_order_of_its_own() -> None:
    plan = plan_stage(stage(durationSeconds=2), groups=[""] * 100, seed=1, number=0)
    first, second = plan.items[:100], plan.items[100:]
    assert sorted(first) == sorted(second) == list(range(100))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(100))


def test_each_repetition_draws_arrivals_and_inputs_anew() -> None:
    """Their counts are added: what met the same moments and inputs would be counted twice."""
    plans = [
        plan_stage(stage(**POISSON), groups=[""] * 500, seed=1, number=0, repetition=repetition)
        for repetition in range(3)
    ]
    for one, other in pairwise(plans):
        assert np.mean(one.items == other.items) < 0.02
        assert abs(np.corrcoef(np.diff(one.due), np.diff(other.due))[0, 1]) < 0.03
    assert np.array_equal(plans[0].due, plan_stage(stage(**POISSON), groups=[""] * 500, seed=1, number=0).due)


def test_a_burst_is_due_at_once_and_keeps_the_rate() -> None:
    plan = plan_stage(stage(arrival="Burst", burst=20, rate="40req/s", durationSeconds=3), [""] * 7, 1, 0)
    due, counts = np.unique(plan.due, return_counts=True)
    assert due.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert counts.tolist() == [20] * 6
    assert plan.span == 3


@pytest.mark.parametrize(("first", "last"), [(10, 50), (50, 10), (30, 30)])
def test_a_ramp_sends_as_its_rate_adds_up(first: int, last: int) -> None:
    ramp = stage(arrival="Ramp", rate=f"{first}req/s", toRate=f"{last}req/s", durationSeconds=20)
    plan = plan_stage(ramp, [""] * 7, 1, 0)
    assert (len(plan), plan.span) == (600, 20)
    assert plan.due[0] == 0
    sent_by = first * plan.due + (last - first) / 20 * plan.due**2 / 2  # the integral of the rate
    np.testing.assert_allclose(sent_by, np.arange(600), atol=1e-6)


def test_a_closed_loop_has_requests_and_no_times() -> None:
    counted = plan_stage(
        stage(arrival="Poisson", rate=None, concurrency=4, durationSeconds=None, requests=30), [""] * 7, 1, 0
    )
    assert (len(counted), counted.loop) == (30, Loop(4))
    timed = plan_stage(stage(arrival="Poisson", rate=None, concurrency=4, durationSeconds=2), [""] * 7, 1, 0)
    assert timed.loop == Loop(4, until=2)
    assert len(timed) == 40_000
    assert timed.longest(10) == 12
    in_step = plan_stage(
        stage(arrival="Poisson", rate=None, scenario="MultiStream", durationSeconds=None, requests=30),
        [""] * 7,
        1,
        0,
    )
    assert in_step.loop == Loop(8, in_step=True)
    assert in_step.longest(10) == 40


def test_each_run_of_a_repeated_stage_draws_anew_and_the_first_as_ever() -> None:
    plans = [
        plan_stage(stage(**POISSON), [""] * 500, 1, 0, repetition=1, repeat=repeat) for repeat in (1, 2, 3)
    ]
    for one, other in pairwise(plans):
        assert np.mean(one.items == other.items) < 0.02
        assert abs(np.corrcoef(np.diff(one.due), np.diff(other.due))[0, 1]) < 0.03
    before, _ = np.random.default_rng([1, 0]).spawn(2)
    first = plan_stage(stage(**POISSON), [""] * 500, seed=1, number=0)
    np.testing.assert_array_equal(first.due, np.cumsum(before.exponential(1 / 100, 20_000)))


def test_a_peak_is_so_many_times_the_rate_of_its_stage() -> None:
    steady = stage()
    peak = stage(name="peak", rate=None, peak={"of": "steady", "times": "2.5"})
    of = profile(stages=[steady.dump(), peak.dump()]).stages[1]
    assert (of.mean_rate, of.requests, of.pace) == (250, 250, "250req/s")
    again = type(of).model_validate(of.dump())  # what is written stays as it was given
    assert again.dump() == peak.dump()
    plan = plan_stage(of, [""] * 7, 1, 1)
    np.testing.assert_allclose(np.diff(plan.due), 1 / 250, rtol=1e-9)


@pytest.mark.parametrize("arrival", ["Constant", "Poisson"])
def test_a_surge_is_due_at_once_on_top_of_the_rate(arrival: str) -> None:
    plain = stage(arrival=arrival, durationSeconds=3)
    surged = stage(arrival=arrival, durationSeconds=3, surge=50)
    before, plan = (plan_stage(s, [""] * 7, seed=1, number=0) for s in (plain, surged))
    assert surged.requests == len(plan) == 350
    assert plan.span == before.span
    assert plan.surge == before.span / 3
    inside = plan.due == plan.surge
    assert np.count_nonzero(inside) >= 50
    np.testing.assert_array_equal(np.delete(plan.due, np.flatnonzero(inside)[:50]), before.due)
    assert (np.diff(plan.due) >= 0).all()


@pytest.mark.parametrize(
    "load", [{"rate": "100req/s"}, {"rate": None, "concurrency": 4, "arrival": "Poisson"}]
)
def test_a_mix_gives_each_group_its_share(load: dict[str, object]) -> None:
    groups = ["long"] * 3 + [""] * 5 + ["odd"] * 2
    mix = [{"group": "long", "share": "30%"}, {"group": "odd", "share": "1%"}]
    mixed = stage(durationSeconds=None, requests=1000, mix=mix, **load)
    plan = plan_stage(mixed, groups, seed=1, number=0)
    uses = np.bincount(plan.items, minlength=len(groups))
    assert uses[:3].tolist() == [100, 100, 100]
    assert uses[3:8].tolist() == [138] * 5  # the rest is of no group of the mix
    assert uses[8:].sum() == 10
    long = plan.items < 3
    changes = np.count_nonzero(long[1:] != long[:-1])
    assert 350 < changes < 490  # in no order: 420 are expected, the standard error is 17


def test_with_repeats_so_many_inputs_are_drawn_that_each_is_sent_that_often() -> None:
    plan = plan_stage(
        stage(requests=1000, durationSeconds=None, inputRepeats=5), [""] * 5000, seed=1, number=0
    )
    uses = np.bincount(plan.items, minlength=5000)
    assert np.count_nonzero(uses) == 200
    assert set(uses[uses > 0].tolist()) == {5}
    assert plan.items.max() > 4000  # from all of the dataset
    mix = [{"group": "long", "share": "20%"}]
    mixed = stage(requests=1000, durationSeconds=None, inputRepeats=30, mix=mix)
    uses = np.bincount(plan_stage(mixed, ["long"] * 50 + [""] * 50, seed=1, number=0).items)
    assert np.count_nonzero(uses[:50]) == 6
    assert uses[:50].sum() == 200
    assert set(uses[:50][uses[:50] > 0].tolist()) <= {33, 34}


def test_few_inputs_are_repeated_often_enough_as_they_are() -> None:
    fields = {"requests": 1000, "durationSeconds": None}
    plain, repeated = (
        plan_stage(stage(**fields, **more), [""] * 100, seed=1, number=0)
        for more in ({}, {"inputRepeats": 5})
    )
    np.testing.assert_array_equal(plain.items, repeated.items)
