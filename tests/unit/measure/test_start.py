"""How long pods took to become ready, from what the API server holds of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tollgate.api.cold_start import FirstRequests, OverPods, StartTimes
from tollgate.measure.start import start_times, told
from tollgate.ports import Object

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(second: int) -> str:
    return (NOON + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def pod(**changes: Any) -> Object:
    """Made at 0 s, on a node at 1, its sandbox there at 3, image pulled and program started at 20, ready at 26."""
    seen: dict[str, Any] = {
        "PodScheduled": 1, "PodReadyToStartContainers": 3, "Ready": 26, "started": [20], "restarts": 0, "init": None,
    } | changes  # fmt: skip
    kinds = ("PodScheduled", "PodReadyToStartContainers", "Ready")
    status: dict[str, Any] = {
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": at(seen[kind])}
            for kind in kinds
            if seen[kind] is not None
        ],
        "containerStatuses": [
            {"restartCount": seen["restarts"], "state": {"running": {"startedAt": at(second)}}}
            for second in seen["started"]
        ],
    }
    if seen["init"]:
        begin, end = seen["init"]
        ended = {"terminated": {"startedAt": at(begin), "finishedAt": at(end)}}
        status["initContainerStatuses"] = [{"restartCount": 0, "state": ended}]
    return {"metadata": {"creationTimestamp": at(0)}, "status": status}


def over(median: int, worst: int) -> OverPods:
    return OverPods(median=f"{median}s", worst=f"{worst}s")


def starts(*pods: Object) -> StartTimes:
    return start_times(pods, NOON + timedelta(seconds=40))


def test_each_time_is_from_its_own_beginning_to_ready() -> None:
    assert starts(pod()) == StartTimes(
        pods=1,
        from_creation=over(26, 26),
        from_scheduling=over(25, 25),
        without_pulls=over(8, 8),
        from_start=over(6, 6),
        ready_for="14s",
    )


def test_the_median_and_the_worst_of_pods_and_the_longest_ready() -> None:
    seen = starts(pod(), pod(Ready=30), pod(Ready=39))
    assert (seen.pods, seen.from_creation, seen.ready_for) == (3, over(30, 39), "14s")
    assert starts(pod(), pod(Ready=30)).from_start == over(10, 10), "the greater of the middle two"


def test_the_last_container_to_start_is_the_one_that_is_waited_for() -> None:
    assert starts(pod(started=[20, 24])).from_start == over(2, 2)


def test_what_init_containers_do_is_no_pull() -> None:
    assert starts(pod(init=(5, 15))).without_pulls == over(18, 18)


@pytest.mark.parametrize(
    ("lacking", "fields"),
    [
        ({"PodReadyToStartContainers": None}, {"without_pulls"}),
        ({"PodScheduled": None}, {"without_pulls", "from_scheduling"}),
        ({"started": []}, {"without_pulls", "from_start"}),
        ({"started": [29]}, {"without_pulls", "from_start"}),  # a clock went back
        ({"init": (15, 5)}, {"without_pulls"}),
    ],
)
def test_what_one_pod_does_not_tell_is_unknown_for_all(lacking: dict[str, Any], fields: set[str]) -> None:
    seen = starts(pod(), pod(**lacking)).model_dump(exclude_none=True)
    times = {"from_creation", "from_scheduling", "without_pulls", "from_start"}
    assert times - seen.keys() == fields


def test_a_pod_that_restarted_is_no_fresh_one() -> None:
    seen = starts(pod(), pod(restarts=2, started=[38], Ready=39))
    assert (seen.pods, seen.restarted, seen.from_start) == (1, 1, over(6, 6))
    assert starts(pod(restarts=1)) == StartTimes(pods=0, restarted=1)


def test_the_end_of_a_summary() -> None:
    first = FirstRequests(requests=2, errors=0, median="210ms", worst="1.2s")
    assert told(starts(pod()), first) == (
        "; cold start: ready 26s (worst 26s) after creation, 6s (worst 6s) after the start of the program, "
        "first requests 210ms (worst 1.2s)"
    )
    assert told(None, first.model_copy(update={"errors": 1})).endswith("(worst 1.2s, 1 of 2 failed)")
    assert told(None, None) == ""
