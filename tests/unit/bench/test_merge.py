"""What several workers measured, put together: exactly what one would have left."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tollgate.bench.answer import Answer, Stream
from tollgate.bench.merge import deal, merge
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.summary import summarize
from tollgate.bench.told import Told

ARRAYS = ("scored", "correct", "outcome", "sent", "ended")


def shares(whole: StageRun, workers: int) -> list[StageRun]:
    """A record as so many workers would have left it."""
    made = []
    for number in range(workers):
        share = StageRun(deal(whole.schedule, number, workers), whole.timeout, whole.scored[number::workers])
        for name in ARRAYS[1:]:
            getattr(share, name)[:] = getattr(whole, name)[number::workers]
        made.append(share)
    return made


def measured(requests: int) -> StageRun:
    """A stage with failures and requests that were never sent."""
    run = record(np.random.default_rng(requests).exponential(0.02, requests))
    run.outcome[::17] = Outcome.HTTP_5XX
    run.outcome[5::31] = Outcome.TIMEOUT
    run.sent[5::31] = np.nan
    run.correct[::3] = False
    run.correct[run.outcome != Outcome.ANSWERED] = False
    return run


@given(st.integers(20, 500), st.integers(1, 16))
def test_the_shares_together_are_the_whole_to_the_last_request(requests: int, workers: int) -> None:
    whole = measured(requests)
    again = merge(whole.schedule, shares(whole, workers))
    np.testing.assert_array_equal(again.schedule.due, whole.schedule.due)
    np.testing.assert_array_equal(again.schedule.items, whole.schedule.items)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    again.workers = whole.workers
    assert summarize(stage(), again, ["10ms"]) == summarize(stage(), whole, ["10ms"])


def test_what_answers_told_goes_with_them() -> None:
    whole = record([0.5] * 7)
    whole.told = Told(7)
    parts = shares(whole, 3)
    for number in range(7):
        answer = Answer(False, Stream(0.1 * number, 0.1 * number + 0.05, [0.05]), output_tokens=number)
        whole.told.note(number, answer, start=0.0)
        part = parts[number % 3]
        part.told = part.told or Told(len(part.schedule))
        part.told.note(number // 3, answer, start=0.0)
    again = merge(whole.schedule, parts)
    assert again.told is not None
    for name in ("first", "last", "output"):
        np.testing.assert_array_equal(getattr(again.told, name), getattr(whole.told, name))
    assert len(again.told.gaps) == 7


def test_shares_are_de_phased() -> None:
    schedule = record([0.01] * 100).schedule
    parts = [deal(schedule, number, 4) for number in range(4)]
    assert sorted(np.concatenate([part.due for part in parts])) == schedule.due.tolist()
    assert {part.span for part in parts} == {schedule.span}
    assert [part.due[0] for part in parts] == schedule.due[:4].tolist()
    assert all(np.diff(part.due).min() > 3.9 / 100 for part in parts)


def test_a_share_of_a_share_keeps_its_place_in_the_whole() -> None:
    """Pods and workers: the targets are met in turn as if one process sent everything."""
    schedule = record([0.01] * 100).schedule
    places = []
    for pod in range(3):
        for worker in range(2):
            share = deal(deal(schedule, pod, 3), worker, 2)
            place = share.first + share.step * np.arange(len(share))
            np.testing.assert_array_equal(share.due, schedule.due[place])
            places += place.tolist()
    assert sorted(places) == list(range(100))


def test_what_the_workers_say_of_themselves_is_added_or_the_worst_of_it_taken() -> None:
    whole = record([0.01] * 90)
    parts = shares(whole, 3)
    for number, part in enumerate(parts):
        part.held, part.starved, part.in_flight = 1, 2, 10
        part.cpu, part.throttled, part.lags = 0.3 * number, 0.1, [0.001 * number]
        part.examples = {Outcome.HTTP_5XX: f"of {number}"}
    again = merge(whole.schedule, parts)
    assert (again.held, again.starved, again.in_flight, again.workers) == (3, 6, 30, 3)
    assert (again.cpu, again.throttled, again.lags) == (0.6, 0.1, [0.0, 0.001, 0.002])
    assert again.examples == {Outcome.HTTP_5XX: "of 0"}


def test_a_lost_worker_leaves_a_gap_that_is_said_and_no_failed_requests() -> None:
    whole = record([0.01] * 100)
    parts: list[StageRun | str] = [*shares(whole, 4)]
    parts[2] = "its process ended with status -9"
    result = summarize(stage(), merge(whole.schedule, parts), ["250ms"])
    assert (result.requests, result.errors, result.workers_lost) == (75, 0, 1)
    assert result.client_limited.startswith("1 of 4 workers were lost: 3 (its process ended with status -9)")


def test_fewer_requests_than_workers() -> None:
    whole = record([0.01] * 2)
    again = merge(whole.schedule, shares(whole, 5))
    np.testing.assert_array_equal(again.ended, whole.ended)
