"""The steady part of a stage: after its load has built up, and before it ends."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from tests.unit.bench.plans import record, stage
from tests.unit.bench.test_merge import shares
from tollgate.bench.merge import merge
from tollgate.bench.steady import steady
from tollgate.bench.summary import summarize

BEGAN = 1_767_268_800.25  # 2026-01-01 12:00:00.25 UTC


def at(second: float) -> datetime:
    return datetime.fromtimestamp(1_767_268_800 + second, UTC)


def test_it_begins_when_as_many_are_with_the_server_as_later_and_ends_when_the_last_is_due() -> None:
    run = record([0.5] * 990 + [9.0] * 10)  # at 100 a second: the last is due at 9.99 s
    run.began = BEGAN
    found = steady(run, run.ended - run.schedule.due)
    assert found is not None
    assert (found.since, found.until) == (at(0.75), at(10.24))


def test_a_stage_that_ends_before_its_load_has_built_up_has_none() -> None:
    run = record([1.0] * 100)  # the last is due at 0.99 s
    assert steady(run, run.ended - run.schedule.due) is None
    assert steady(record([0.01]), np.array([0.01])) is None, "a single request"


def test_of_a_warm_up_there_is_none() -> None:
    run = record([0.01] * 100)
    assert summarize(stage(), run, []).steady is not None
    assert summarize(stage(warmUp=True), run, []).steady is None


def test_it_survives_being_dealt_out_to_workers() -> None:
    run = record([0.01] * 100)
    run.began = BEGAN
    dealt = shares(run, 3)
    for share in dealt:
        share.began = BEGAN
    again = merge(run.schedule, dealt)
    assert summarize(stage(), again, []).steady == summarize(stage(), run, []).steady
