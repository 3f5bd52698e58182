from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.measure.scrapes import PROFILE, Pod, answer
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket
from tollgate.measure.live import count_live
from tollgate.ports import Samples

LIMIT = Decimal("0.25")
FAST, SLOW = 0.05, 0.5


def busy(name: str = "a", scrapes: int = 5) -> Pod:
    """Ten fast requests and one slow one in each scrape interval of 10 s, after 100 requests before the window."""
    pod = Pod(name)
    pod.serve([SLOW] * 100)
    for index in range(scrapes):
        pod.scrape(10.0 * index)
        pod.serve([FAST] * 10 + [SLOW], errors=1)
    return pod


def count(*pods: Pod, since: float = 0.0, until: float = 40.0, expected: tuple[str, ...] = ()) -> LiveCounts:
    return count_live(PROFILE, answer(pods), limits=[LIMIT], since=since, until=until, expected=expected)


def test_counts_of_the_window() -> None:
    live = count(busy())
    assert live.total.requests == 44
    assert live.total.slow[LIMIT] == (4, 4)
    assert live.total.latency_sum == pytest.approx(4 * (10 * FAST + SLOW))
    assert (live.total.attempts, live.total.errors) == (44, 4)
    assert live.total.pod_seconds == 40.0
    assert live.rate_per_pod == pytest.approx(1.1)
    assert live.brackets[LIMIT] == Bracket(0.25, 0.25)
    assert live.edges == (0.1, 0.25, 1.0)
    assert live.sums_seen
    assert live.errors_seen


def test_pods_add_up_and_cost_their_own_time() -> None:
    live = count(busy("a"), busy("b"))
    assert live.pods == {"a": 44, "b": 44}
    assert live.total.pod_seconds == 80.0


def test_label_sets_of_one_pod_add_up_but_its_time_counts_once() -> None:
    other = busy("a")
    other.labels["model"] = "other"
    live = count(busy("a"), other)
    assert live.pods == {"a": 88}
    assert live.total.pod_seconds == 40.0


def test_restart_loses_no_request_that_was_scraped() -> None:
    pod = busy(scrapes=3)
    pod.restart()
    pod.serve([FAST] * 7)
    pod.scrape(30.0)
    assert count(pod).total.requests == 22 + 7


def test_block_is_a_scrape_interval() -> None:
    live = count(busy("a"), busy("b"))
    assert sorted(live.blocks) == [1, 2, 3, 4]
    assert live.blocks[1].requests == 22


def test_merged_blocks_stay_as_they_are_when_more_data_arrive() -> None:
    early, late = count(busy(), until=30.0), count(busy(), until=40.0)
    assert [block.requests for block in late.merged(20)] == [22, 22]
    assert early.merged(20) == late.merged(20)[: len(early.merged(20))]


def test_expected_pod_without_a_fresh_sample_is_silent() -> None:
    live = count(busy(), until=300.0, expected=("a", "gone"))
    assert live.silent == ("a", "gone")
    assert live.total.requests == 44, "what it served before still counts"
    assert count(busy(), until=90.0, expected=("a",)).silent == (), "five scrape intervals are fresh enough"


def test_windows_that_meet_add_up() -> None:
    both = count(busy(), until=20.0) + count(busy(), since=20.0)
    assert both == count(busy())


def test_other_pods_of_the_same_window_add_up() -> None:
    side_by_side = count(busy("a"), expected=("a", "x")) + count(busy("b"), expected=("b", "y"))
    assert side_by_side == count(busy("a"), busy("b"), expected=("a", "b", "x", "y"))


def test_windows_apart_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="do not meet"):
        count(busy(), until=10.0) + count(busy(), since=20.0)


def test_edge_that_one_pod_lacks_is_lacking() -> None:
    coarse = Pod("b", edges=(0.1, 1.0))
    coarse.scrape(0.0)
    coarse.serve([FAST, 0.2, SLOW, 2.0])
    coarse.scrape(10.0)
    live = count(busy("a"), coarse)
    assert live.brackets[LIMIT] == Bracket(0.1, 1.0)
    assert live.edges == (0.1, 1.0)
    assert live.total.slow[LIMIT] == (4 + 1, 4 + 3)


def test_error_counter_that_appears_with_its_first_error_counts_it() -> None:
    samples = answer([busy()], errors=False)
    first = Samples({"pod": "a", "instance": "a:8000", "code": "500"}, ((30.0, 2.0), (40.0, 3.0)))
    live = count_live(
        PROFILE, type(samples)(samples.buckets, samples.counts, samples.sums, None, [first]),
        limits=[LIMIT], since=0.0, until=40.0,
    )  # fmt: skip
    assert live.total.errors == 3


def test_error_counter_that_nobody_exports_is_not_zero_errors() -> None:
    live = count_live(PROFILE, answer([busy()], errors=False), limits=[], since=0.0, until=40.0)
    assert live.errors_asked
    assert not live.errors_seen


def test_absent_error_labels_of_a_known_request_series_are_zero_errors() -> None:
    profile = PROFILE.model_copy(update={"requests": PROFILE.errors})
    samples = answer([busy()], errors=False)
    requests = busy().series("count")
    live = count_live(
        profile, type(samples)(samples.buckets, samples.counts, samples.sums, requests, []),
        limits=[], since=0.0, until=40.0,
    )  # fmt: skip
    assert live.errors_seen
    assert (live.total.attempts, live.total.errors) == (44, 0)


def test_no_samples_are_no_counts() -> None:
    live = count(expected=("a",))
    assert live.total == Block()
    assert live.pods == {}
    assert live.silent == ("a",)
    assert live.rate_per_pod == 0.0


def test_pod_with_a_single_scrape_is_known_but_has_no_requests() -> None:
    pod = Pod("a")
    pod.serve([FAST] * 5)
    pod.scrape(35.0)
    live = count(pod, expected=("a",))
    assert live.pods == {"a": 0}
    assert live.silent == ()
