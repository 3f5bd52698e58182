"""The client's audit of itself: what it must own up to, and what is no reason to."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.bench.plans import record
from tollgate.bench.audit import client_limited, schedule_delay_p99
from tollgate.bench.records import StageRun


def late(share: float, by: float) -> StageRun:
    """A stage of 1,000 requests in which a share was sent late by some seconds."""
    run = record([0.01] * 1000)
    run.sent[: int(share * 1000)] += by
    return run


def test_a_client_on_time_was_not_the_limit() -> None:
    assert client_limited(late(0, 0), [0.25]) == ""


@pytest.mark.parametrize(
    ("share", "by", "limits", "limited"),
    [
        (0.02, 0.02, [0.25], True),  # more than 5 % of 250 ms
        (0.02, 0.02, [1.0], False),  # less than 5 % of 1 s
        (0.02, 0.02, [1.0, 0.25], True),  # the tightest counts
        (0.02, 0.004, [0.010], False),  # 4 ms happen on any busy node
        (0.02, 0.006, [0.010], True),
        (0.02, 0.006, [], True),
        (0.005, 1.0, [0.25], False),  # not the 99th percentile
    ],
)
def test_late_requests(share: float, by: float, limits: list[float], limited: bool) -> None:
    reason = client_limited(late(share, by), limits)
    assert ("sent late" in reason) is limited


def test_the_reason_says_how_late_and_what_is_allowed() -> None:
    assert client_limited(late(0.02, 0.02), [0.25]) == (
        "requests were sent late: 99th percentile 20.1ms, allowed 12.5ms"
    )


@pytest.mark.parametrize(("missing", "limited"), [(0, False), (20, False), (21, True), (1000, True)])
def test_requests_that_were_not_sent_while_the_stage_lasted(missing: int, limited: bool) -> None:
    run = record([0.01] * 1000)
    run.sent[1000 - missing :] += 2 * run.schedule.span
    expected = f"only {1000 - missing} of 1000 requests were sent while the stage lasted"
    assert (expected in client_limited(run, [0.25])) is limited


def test_requests_that_were_never_sent_are_as_late_as_can_be() -> None:
    run = record([0.01] * 100, timeout=10)
    run.sent[50:] = np.nan
    assert schedule_delay_p99(run) == 10
    assert "only 50 of 100 requests" in client_limited(run, [0.25])


@pytest.mark.parametrize(("lag", "limited"), [(0.02, False), (0.03, True)])
def test_an_event_loop_that_ran_late(lag: float, limited: bool) -> None:
    run = late(0, 0)
    run.lags = [0.0] * 980 + [lag] * 20
    assert ("the event loop ran late" in client_limited(run, [0.25])) is limited


def test_held_and_starved_requests() -> None:
    run = late(0, 0)
    run.held, run.starved = 3, 2
    reason = client_limited(run, [0.25])
    assert "3 requests had to wait" in reason
    assert "2 requests failed as no socket or port" in reason


def test_throttling_explains_but_is_no_reason_of_its_own() -> None:
    run = late(0, 0)
    run.throttled = 1.5
    assert client_limited(run, [0.25]) == ""
    run = late(0.02, 0.02)
    run.throttled = 1.5
    assert client_limited(run, [0.25]).endswith(
        "its CPU limit kept it from running for 1.5s: raise resources.cpu of the profile"
    )


@pytest.mark.parametrize(
    ("cpu", "span", "limited"), [(0.95, 10, True), (0.85, 10, False), (0.95, 0.5, False)]
)
def test_a_process_that_is_never_idle(cpu: float, span: float, limited: bool) -> None:
    run = record([0.01] * 1000, rate=1000 / span)
    run.cpu = cpu
    assert ("it used 95% of the core that one process can use" in client_limited(run, [0.25])) is limited


def test_lost_workers_are_said_first() -> None:
    run = late(0.02, 0.02)
    run.workers, run.lost = 4, ["2 (no answer within 35 s)", "3 (its process ended with status -9)"]
    assert client_limited(run, [0.25]).startswith(
        "2 of 4 workers were lost: 2 (no answer within 35 s), 3 (its process ended with status -9); requests were"
    )
