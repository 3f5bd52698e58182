"""What latency owes to the input: its variance split, the worst inputs, the prediction for harder traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tests.unit.bench.test_quality import shares
from tollgate.api import units
from tollgate.api.variability import Variability
from tollgate.bench.merge import merge
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.summary import summarize
from tollgate.bench.told import Told
from tollgate.bench.variability import components, median_of_others


def run_of(latency: Any, items: Any) -> StageRun:
    run = record(latency)
    run.schedule.items[:] = items
    return run


def seen(run: StageRun) -> Variability:
    found = summarize(stage(), run, []).variability
    assert found is not None
    return found


def seconds(duration: str) -> float:
    return float(units.parse_duration(duration))


def test_what_all_answers_to_an_input_share_is_between_and_the_rest_within() -> None:
    inputs_alone = seen(run_of([0.1, 0.3, 0.2] * 4, [0, 1, 2] * 4))
    assert (inputs_alone.share, inputs_alone.between, inputs_alone.within) == ("1", "100ms", "0us")
    noise_alone = seen(run_of([0.1, 0.1, 0.3, 0.3], [0, 1, 0, 1]))
    assert (noise_alone.share, noise_alone.between) == ("0", "0us")
    assert seconds(noise_alone.within) == pytest.approx(np.sqrt(0.02), rel=1e-3)


@given(st.lists(st.lists(st.floats(0.001, 9), min_size=1, max_size=5), min_size=2, max_size=9), st.randoms())
def test_with_equal_numbers_it_is_the_textbooks_analysis(groups: list[list[float]], random: Any) -> None:
    n = 3
    groups = [(group * n)[:n] for group in groups]
    which = np.repeat(np.arange(len(groups)), n)
    order = np.array(random.sample(range(len(which)), len(which)))
    between, within = components(which[order], np.full(len(groups), n), np.concatenate(groups)[order])
    table = np.array(groups)
    assert within == pytest.approx(table.var(axis=1, ddof=1).mean(), abs=1e-9)
    assert between == pytest.approx(max(0, table.mean(axis=1).var(ddof=1) - within / n), abs=1e-9)


def test_the_estimates_are_right_on_average_however_unequal_the_numbers_and_skewed_the_noise() -> None:
    rng = np.random.default_rng(1)
    answers = np.array([1, 2, 3, 4, 8] * 12)
    which = np.repeat(np.arange(len(answers)), answers)
    found = [
        components(
            which, answers, 1 + rng.gamma(4, 0.1, len(answers))[which] + rng.exponential(0.3, len(which))
        )
        for _ in range(2000)
    ]
    assert np.mean(found, axis=0) == pytest.approx([0.04, 0.09], rel=0.02)


def test_the_worst_inputs_are_those_with_the_highest_median() -> None:
    latency = [0.1, 0.5, 0.2, 0.1, 0.6, 0.2, 3.0, 0.5, 0.2]
    run = run_of(latency, [7, 2, 4] * 3)
    run.outcome[4] = Outcome.TIMEOUT
    found = seen(run)
    assert [(w.input, w.requests, w.failed, w.median) for w in found.worst] == [
        (2, 3, 1, "500ms"),
        (4, 3, 0, "200ms"),
        (7, 3, 0, "100ms"),  # a single slow answer does not make an input a slow one
    ]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30))
def test_the_median_of_the_others_leaves_the_own_latency_out(items: list[int]) -> None:
    which = np.array(items)
    several = np.bincount(which)[which] > 1
    which = which[several]
    latency = np.random.default_rng(len(items)).random(len(which))
    for i, found in enumerate(median_of_others(which, latency)):
        others = np.sort(np.delete(latency, i)[np.delete(which, i) == which[i]])
        assert found == others[(len(others) - 1) // 2]


def test_a_model_that_takes_long_for_some_inputs_is_predicted_to_be_slower_with_more_of_them() -> None:
    """A twentieth of the inputs is done after 100 to 200 ms, evenly: p99 is where a fifth of these are over it."""
    rng = np.random.default_rng(2)
    base = np.full(400, 0.01)
    base[:20] = np.linspace(0.1, 0.2, 20)
    items = rng.permuted(np.tile(np.arange(400), (10, 1)), axis=1).ravel()
    found = seen(run_of(base[items] + rng.uniform(0, 0.001, len(items)), items))
    assert float(found.hard) == pytest.approx(0.1, abs=0.005)
    assert seconds(found.p99) == pytest.approx(0.18, abs=0.006)
    assert seconds(found.p99_if_hard_doubles) == pytest.approx(0.19, abs=0.006)


def test_a_model_that_treats_all_inputs_alike_is_not_predicted_to_get_slower() -> None:
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(60):
        items = rng.permuted(np.tile(np.arange(300), (3, 1)), axis=1).ravel()
        found = seen(run_of(rng.exponential(0.05, len(items)), items))
        ratios.append(seconds(found.p99_if_hard_doubles) / seconds(found.p99))
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)


def test_what_only_repeats_tell_is_not_told_without_them() -> None:
    once = seen(run_of([0.1, 0.2, 0.3], [0, 1, 2]))
    assert (once.repeated, once.share, once.p99_if_hard_doubles) == (0, "", "")
    assert once.worst[0].input == 2
    assert summarize(stage(), run_of([0.1] * 3, [5] * 3), []).variability is None
    assert summarize(stage(warmUp=True), run_of([0.1, 0.2], [0, 1]), []).variability is None
    failed = run_of([0.1] * 4, [0, 1] * 2)
    failed.outcome[:] = Outcome.HTTP_5XX
    assert (seen(failed).repeated, seen(failed).between) == (0, "")


def test_workers_are_put_together_to_what_one_would_have_seen() -> None:
    rng = np.random.default_rng(4)
    whole = run_of(rng.random(120), rng.integers(0, 30, 120))
    whole.told = Told(120)
    assert seen(merge(whole.schedule, shares(whole, 4))) == seen(whole)


def test_it_says_what_it_saw() -> None:
    rng = np.random.default_rng(5)
    items = np.tile(np.arange(100), 4)
    said = str(seen(run_of(np.where(items < 5, 0.4, 0.1) + rng.uniform(0, 0.01, 400), items)))
    assert said.startswith("100% of the variance of latency is between inputs (standard deviation ")
    assert "slowest input " in said
    assert "with twice as many of the hard inputs" in said
