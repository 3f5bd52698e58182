"""The first requests to each target."""

from __future__ import annotations

from tests.unit.bench.plans import record
from tollgate.bench.first import first_requests
from tollgate.bench.records import Outcome


def test_the_first_to_each_target_and_no_other() -> None:
    run = record([0.9, 0.3, 0.6, 0.01, 0.01, 0.01])
    seen = first_requests(run, targets=3, each=1)
    assert (seen.requests, seen.errors, seen.median, seen.worst) == (3, 0, "600ms", "900ms")
    twice = first_requests(run, targets=3, each=2)
    assert (twice.requests, twice.median) == (6, "10ms")


def test_one_that_failed_counts_as_its_time_out() -> None:
    run = record([0.9, 0.3], timeout=10)
    run.outcome[1] = Outcome.HTTP_5XX
    seen = first_requests(run, targets=2, each=1)
    assert (seen.errors, seen.worst) == (1, "10s")


def test_fewer_than_there_are_targets() -> None:
    assert first_requests(record([0.1]), targets=4, each=1).requests == 1
