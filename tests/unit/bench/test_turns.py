from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import stage
from tollgate.api.paired import FEWEST_REQUESTS, FEWEST_TURNS
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.schedule import Schedule, plan_stage
from tollgate.bench.turns import joined, turns


def planned(rate: int, seconds: int, arrival: str = "Poisson", seed: int = 1) -> Schedule:
    return plan_stage(stage(rate=f"{rate}req/s", durationSeconds=seconds, arrival=arrival), [""] * 7, seed, 0)


@given(
    rate=st.integers(1, 200),
    seconds=st.integers(60, 300),
    seed=st.integers(0, 999),
    arrival=st.sampled_from(["Poisson", "Constant"]),
)
def test_turns_are_the_schedule_cut_into_pieces(rate: int, seconds: int, seed: int, arrival: str) -> None:
    schedule = planned(rate, seconds, arrival, seed)
    cut = turns(schedule, seed)
    assert FEWEST_TURNS <= len(cut) <= 20
    assert len(cut) % 2 == 0
    np.testing.assert_array_equal(np.concatenate([t.schedule.items for t in cut]), schedule.items)
    sizes = [len(t.schedule) for t in cut]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= FEWEST_REQUESTS // FEWEST_TURNS
    gaps = np.concatenate([np.diff(t.schedule.due, prepend=0.0) for t in cut])
    np.testing.assert_allclose(gaps, np.diff(schedule.due, prepend=0.0), atol=1e-9)
    assert all(t.schedule.span == t.schedule.due[-1] > 0 for t in cut)


@given(st.integers(0, 10_000))
def test_neither_arm_goes_first_more_often_not_even_early_or_late(seed: int) -> None:
    first = [t.candidate_first for t in turns(planned(40, 60), seed)]
    assert all(one is not other for one, other in zip(first[::2], first[1::2], strict=True))


def test_who_goes_first_is_drawn_anew_with_each_seed() -> None:
    orders = {tuple(t.candidate_first for t in turns(planned(40, 60), seed)) for seed in range(50)}
    assert len(orders) > 20
    assert abs(sum(order[0] for order in orders) / len(orders) - 0.5) < 0.3


@pytest.mark.parametrize(("requests", "number"), [(60, 6), (79, 6), (80, 8), (2000, 10)])
def test_few_requests_make_few_turns(requests: int, number: int) -> None:
    due = np.arange(requests) / 40
    schedule = Schedule(due, np.zeros(requests, np.int64), float(due[-1]))
    assert len(turns(schedule, 0)) == number


def test_joined_turns_are_one_record_in_their_order() -> None:
    cut = turns(planned(40, 60), 3)
    runs = []
    for i, turn in enumerate(cut):
        run = StageRun(turn.schedule, 5.0, np.ones(len(turn.schedule), np.bool_))
        run.sent[:] = turn.schedule.due
        run.ended[:] = turn.schedule.due + 0.01 * (i + 1)
        run.correct[0] = True
        run.outcome[-1] = Outcome.TIMEOUT
        run.held, run.starved, run.lags, run.throttled = i, 1, [0.001 * i], 0.5
        runs.append(run)
    whole, turn_of = joined(runs)
    assert len(whole.schedule) == 2400
    assert np.all(np.diff(whole.schedule.due) >= 0)
    np.testing.assert_allclose(whole.ended - whole.schedule.due, 0.01 * (turn_of + 1))
    np.testing.assert_allclose(whole.sent, whole.schedule.due)
    assert np.count_nonzero(whole.correct) == np.count_nonzero(whole.outcome) == len(cut)
    assert (whole.held, whole.starved, len(whole.lags)) == (sum(range(len(cut))), len(cut), len(cut))
    assert whole.throttled == pytest.approx(0.5 * len(cut))
    assert np.bincount(turn_of).tolist() == [len(t.schedule) for t in cut]
