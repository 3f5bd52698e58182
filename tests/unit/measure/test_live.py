from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.measure.scrapes import NATIVE_PROFILE, PROFILE, Pod, answer, native_answer
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket
from tollgate.measure.live import LiveSamples, count_live
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


def of(samples: LiveSamples, until: float = 40.0, expected: tuple[str, ...] = ()) -> LiveCounts:
    profile = NATIVE_PROFILE if samples.histograms else PROFILE
    return count_live(profile, samples, limits=[LIMIT], since=0.0, until=until, expected=expected)


def test_the_edges_are_known_from_one_scrape_on_before_any_traffic() -> None:
    pod = Pod("a")
    pod.scrape(10.0)
    live = count(pod)
    assert (live.total.requests, live.edges) == (0, (0.1, 0.25, 1.0))


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


def test_block_is_complete_once_its_time_is_over() -> None:
    live = count(busy(), until=49.0)
    assert live.complete == [live.blocks[number] for number in (1, 2, 3)]
    assert len(count(busy(), until=50.0).complete) == 4
    coarse = live.coarsened(3)
    assert (coarse.block_seconds, len(coarse.blocks), len(coarse.complete)) == (20.0, 3, 2)


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
    first = Samples({"pod": "a", "instance": "a:8000", "code": "500"}, ((30.0, 2.0), (40.0, 3.0)))
    assert of(replace(answer([busy()]), errors=[first])).total.errors == 3


def test_error_counter_that_passed_its_old_value_after_a_restart() -> None:
    errors = Samples({"pod": "a", "instance": "a:8000", "code": "500"}, ((20.0, 2.0), (30.0, 5.0)))
    pod = busy(scrapes=3)
    pod.restart()
    pod.serve([FAST] * 7)
    pod.scrape(30.0)
    assert of(replace(answer([pod]), errors=[errors])).total.errors == 2 + 5


def test_errors_whose_requests_are_not_known_yet_wait() -> None:
    """A scrape that came in between two queries: its errors are known and its requests are not."""
    samples = answer([busy(scrapes=6)])
    late = replace(
        samples, **{part: cut(getattr(samples, part), 40.0) for part in ("buckets", "counts", "sums")}
    )
    live = of(late, until=60.0)
    assert (live.total.attempts, live.total.errors) == (44, 4)


def test_errors_are_counted_where_requests_are() -> None:
    """The first scrapes of the histogram cannot be read, so neither errors count there."""
    samples = answer([busy()])
    nan = [
        Samples(one.labels, [(at, math.nan if at < 20 else v) for at, v in one.points])
        for one in samples.buckets
    ]
    live = of(replace(samples, buckets=nan))
    assert (live.total.attempts, live.total.errors) == (22, 2)


def test_errors_of_another_process_are_counted_by_themselves() -> None:
    gateway = Samples({"pod": "a", "instance": "gateway:1"}, ((5.0, 2.0), (35.0, 9.0)))
    assert of(replace(answer([busy()]), errors=[gateway])).total.errors == 7


def test_error_counter_that_nobody_exports_is_not_zero_errors() -> None:
    live = count_live(PROFILE, answer([busy()], errors=False), limits=[], since=0.0, until=40.0)
    assert live.errors_asked
    assert not live.errors_seen


def test_absent_error_labels_of_a_known_request_series_are_zero_errors() -> None:
    profile = PROFILE.model_copy(update={"requests": PROFILE.errors})
    samples = replace(answer([busy()], errors=False), requests=busy().series("count"))
    live = count_live(profile, samples, limits=[], since=0.0, until=40.0)
    assert live.errors_seen
    assert (live.total.attempts, live.total.errors) == (44, 0)


def cut(series: list[Samples], until: float) -> list[Samples]:
    return [Samples(one.labels, [point for point in one.points if point[0] <= until]) for one in series]


def test_counter_of_requests_that_nobody_exports() -> None:
    assert of(replace(answer([busy()]), requests=[])).requests_missing
    assert not of(replace(answer([busy()]), requests=busy().series("count"))).requests_missing


class TestUp:
    """Prometheus' own series of each scrape."""

    def test_requests_that_a_series_appears_with_count_on_a_pod_scraped_before(self) -> None:
        pod = Pod("a")
        pod.serve([FAST, SLOW])
        pod.scrape(10.0)
        for scraped, requests in ((1.0, 2), (0.0, 0)):
            up = Samples(pod.labels, ((0.0, scraped), (10.0, 1.0)))
            assert of(replace(answer([pod]), up=[up])).total.requests == requests

    def test_pod_without_a_series_yet_is_not_silent_when_scraped(self) -> None:
        idle = Samples({"pod": "idle", "instance": "idle:8000"}, ((30.0, 1.0), (40.0, 1.0)))
        live = of(replace(answer([busy()]), up=[idle]), expected=("a", "idle", "gone"))
        assert (live.scraped, live.silent) == (("a", "idle"), ("gone",))

    def test_pod_whose_scrapes_fail_is_silent(self) -> None:
        pod = Pod("a")
        for at in (0.0, 10.0, 20.0):
            pod.miss(at)
        live = of(answer([pod], up=True), expected=("a",))
        assert (live.scraped, live.silent) == ((), ("a",))


class TestNative:
    def test_same_counts_as_classic_where_the_edges_are_the_same(self) -> None:
        classic, native = of(answer([busy()])), of(native_answer([busy()], "custom"))
        assert native == replace(classic, edges=())

    def test_limit_within_an_exponential_bucket_is_bounded(self) -> None:
        pod = Pod("a")
        pod.scrape(0.0)
        pod.serve([FAST] * 5 + [0.245, 0.255, SLOW])
        pod.scrape(10.0)
        live = of(native_answer([pod]))
        assert live.total.requests == 8
        assert live.total.slow[LIMIT] == (2, 2), "0.25 is a power of two, an edge at any resolution"
        between = Decimal("0.24")
        live = count_live(NATIVE_PROFILE, native_answer([pod]), limits=[between], since=0.0, until=40.0)
        assert live.total.slow[between] == (2, 3)
        assert live.brackets[between] == Bracket(pytest.approx(0.2293, abs=1e-4), 0.25)

    def test_lower_resolution_midway_loses_no_request(self) -> None:
        pod = busy(scrapes=3)
        pod.schema = 0
        pod.scrape(30.0)
        live = of(native_answer([pod]))
        assert (live.total.requests, live.total.slow[LIMIT]) == (33, (3, 3))
        assert live.total.latency_sum == pytest.approx(3 * (10 * FAST + SLOW))


class TestGarbled:
    def test_unreadable_scrapes_are_lost_scrapes(self) -> None:
        samples = answer([busy()])
        bad = [
            Samples(one.labels, [(at, -1.0 if at == 20.0 else value) for at, value in one.points])
            for one in samples.buckets
        ]
        live = of(replace(samples, buckets=bad), expected=("a",))
        assert (live.total.requests, live.garbled, live.silent) == (44, (), ())

    def test_pod_that_cannot_be_read_any_more_is_named(self) -> None:
        samples = answer([busy("a", scrapes=12), busy("b", scrapes=12)])
        bad = [
            Samples(one.labels, [(at, math.nan if at >= 50 else value) for at, value in one.points])
            for one in samples.buckets
            if one.labels["pod"] == "b"
        ]
        good = [one for one in samples.buckets if one.labels["pod"] == "a"]
        live = of(replace(samples, buckets=[*good, *bad]), until=110.0, expected=("a", "b"))
        assert (live.garbled, live.pods) == (("b",), {"a": 121, "b": 44})

    def test_plain_numbers_are_no_native_histogram(self) -> None:
        summary = Samples({"pod": "a", "quantile": "0.99"}, ((30.0, 0.2), (40.0, 0.3)))
        live = of(LiveSamples(histograms=[summary]))
        assert (live.pods, live.garbled) == ({}, ("a",))

    def test_error_counter_that_cannot_be_read(self) -> None:
        bad = Samples({"pod": "a", "instance": "a:8000"}, ((30.0, math.nan), (40.0, math.nan)))
        live = of(replace(answer([busy()]), errors=[bad]))
        assert (live.errors_seen, live.garbled) == (False, ("a",))

    def test_sum_that_is_no_number_is_no_sum_but_its_requests_count(self) -> None:
        samples = answer([busy()])
        nan = [Samples(one.labels, [(at, math.nan) for at, _ in one.points]) for one in samples.sums]
        live = of(replace(samples, sums=nan))
        assert (live.sums_seen, live.total.requests, live.total.latency_sum) == (False, 44, 0.0)
        assert not of(replace(samples, sums=[])).sums_seen


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
