"""What must hold of counting for all histories of pods and scrapes, against the truth of `histories`.

Every property is one of all three ways in which Prometheus may store a histogram.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.property.histories import (
    INTERVAL,
    LIMITS,
    Step,
    anything,
    history,
    restarted,
    restless,
    steady,
)
from tests.unit.measure.scrapes import NATIVE_PROFILE, PROFILE, Pod, answer, native_answer
from tollgate.measure.counts import LiveCounts
from tollgate.measure.live import LiveSamples, count_live
from tollgate.measure.promql import window_seconds
from tollgate.ports import Samples

ANSWERS: dict[str, Callable[[list[Pod]], LiveSamples]] = {
    "classic": answer,
    "exponential": native_answer,
    "custom": lambda pods: native_answer(pods, "custom"),
}
PARTS = ("buckets", "counts", "sums", "histograms", "errors")
visible = st.one_of(steady, restarted)
"""Histories in which every restart shows."""


def stored(test: Callable[..., None]) -> Callable[..., None]:
    """The test for each way of storing a histogram, with fewer examples of each."""
    few: Callable[..., None] = settings(max_examples=40)(test)
    return pytest.mark.parametrize("kind", ANSWERS)(few)


def count(samples: LiveSamples, since: float, until: float) -> LiveCounts:
    profile = NATIVE_PROFILE if samples.histograms else PROFILE
    return count_live(profile, samples, limits=LIMITS, since=since, until=until)


def changed(samples: LiveSamples, change: Callable[[Samples], Samples]) -> LiveSamples:
    """The same answers with each series changed."""
    return replace(samples, **{part: [change(one) for one in getattr(samples, part)] for part in PARTS})


def kept(series: Samples, keep: Callable[[float], bool]) -> Samples:
    return Samples(
        series.labels,
        [point for point in series.points if keep(point[0])],
        [sample for sample in series.histograms if keep(sample[0])],
    )


def numbers(live: LiveCounts) -> tuple[object, ...]:
    """All that counts, but for the rounding of sums of latencies."""
    total = live.total
    slow = {limit: total.slow.get(limit, (0, 0)) for limit in LIMITS}
    return total.requests, total.attempts, total.errors, slow, round(total.latency_sum, 6), total.pod_seconds


@stored
@given(past=visible)
def test_counts_are_what_the_scrapes_saw(kind: str, past: list[Step]) -> None:
    """A restart loses what no scrape saw; lost scrapes lose nothing once the next one is in."""
    known = history(past)
    live, truth = count(ANSWERS[kind]([known.pod]), 0.0, known.end), known.seen[-1]
    assert live.total.requests == live.total.attempts == len(truth.latencies)
    assert live.total.errors == truth.errors
    assert live.total.latency_sum == pytest.approx(sum(truth.latencies))
    for limit in LIMITS:
        low, high = live.total.slow.get(limit, (0, 0))
        assert low <= truth.slow(limit) <= high
        if kind != "exponential" and limit != LIMITS[2]:
            assert low == high, "the limit is an edge"


@stored
@given(past=restless)
def test_restarts_at_any_time_never_add_a_request(kind: str, past: list[Step]) -> None:
    known = history(past)
    live, truth = count(ANSWERS[kind]([known.pod]), 0.0, known.end), known.seen[-1]
    assert live.total.requests <= len(truth.latencies)
    assert live.total.errors <= truth.errors
    assert all(live.total.slow.get(limit, (0, 0))[0] <= truth.slow(limit) for limit in LIMITS)
    for block in live.blocks.values():
        assert min(block.requests, block.errors) >= 0
        assert all(0 <= low <= high <= block.requests for low, high in block.slow.values())


@stored
@given(past=anything, cuts=st.lists(st.floats(0.0, 130.0), max_size=4))
def test_windows_split_anywhere_add_up(kind: str, past: list[Step], cuts: list[float]) -> None:
    assume(_never_stale(past))
    known = history(past)
    samples = ANSWERS[kind]([known.pod])
    ends = [*sorted(cut for cut in cuts if cut < known.end), known.end]
    parts = [count(samples, since, until) for since, until in zip([0.0, *ends], ends, strict=False)]
    together = parts[0]
    for part in parts[1:]:
        together += part
    whole = count(samples, 0.0, known.end)
    assert numbers(together) == numbers(whole)
    assert together.pods == whole.pods
    assert {n: b.requests for n, b in together.blocks.items()} == {
        n: b.requests for n, b in whole.blocks.items()
    }


def _never_stale(past: Sequence[Step]) -> bool:
    lost = "".join("." if step.scraped else "x" for step in past)
    return "xxxx" not in lost


@stored
@given(past=visible, since=st.floats(0.0, 130.0))
def test_operator_that_restarts_counts_the_same(kind: str, past: list[Step], since: float) -> None:
    """All it needs to go on is when counting began: the range that it asks for holds the base."""
    assume(_never_stale(past))
    known = history(past)
    since = min(since, known.end)
    samples = ANSWERS[kind]([known.pod])
    oldest = known.end - window_seconds(PROFILE, since, known.end)
    asked = changed(samples, lambda one: kept(one, lambda at: oldest < at <= known.end))
    assert numbers(count(asked, since, known.end)) == numbers(count(samples, since, known.end))


@stored
@given(past=anything)
def test_later_looks_only_add(kind: str, past: list[Step]) -> None:
    known = history(past)
    samples = ANSWERS[kind]([known.pod])
    looks = [count(samples, 0.0, index * INTERVAL) for index in range(len(known.served))]
    for earlier, later in pairwise(looks):
        assert earlier.total.requests <= later.total.requests
        assert earlier.total.errors <= later.total.errors
        assert earlier.merged(5) == later.merged(5)[: len(earlier.merged(5))]


@stored
@given(past=visible, unknown=st.integers(0, 5))
def test_scrapes_that_come_late_are_caught_up(kind: str, past: list[Step], unknown: int) -> None:
    """Prometheus has not stored the last few scrapes yet as it is asked; a scrape may also be cut in two."""
    known = history(past)
    samples, last = ANSWERS[kind]([known.pod]), max(0.0, known.end - unknown * INTERVAL)
    late = changed(samples, lambda one: kept(one, lambda at: at <= last))
    assert numbers(count(late, 0.0, known.end)) == numbers(count(samples, 0.0, last))
    torn = replace(late, errors=samples.errors, counts=samples.counts)
    assert numbers(count(torn, 0.0, known.end)) == numbers(count(late, 0.0, known.end))


@stored
@given(pasts=st.lists(anything, min_size=1, max_size=3), seed=st.integers(0, 1000))
def test_order_and_duplicates_do_not_matter(kind: str, pasts: list[list[Step]], seed: int) -> None:
    random = Random(seed)
    known = [history(past, f"pod-{index}") for index, past in enumerate(pasts)]
    samples, end = ANSWERS[kind]([one.pod for one in known]), max(one.end for one in known)

    def mixed(one: Samples) -> Samples:
        points, histograms = [*one.points, *one.points[::2]], [*one.histograms, *one.histograms[::2]]
        return Samples(
            one.labels, random.sample(points, len(points)), random.sample(histograms, len(histograms))
        )

    shuffled = changed(samples, mixed)
    shuffled = replace(
        shuffled,
        **{part: random.sample(getattr(shuffled, part), len(getattr(shuffled, part))) for part in PARTS},
    )
    found, expected = count(shuffled, 0.0, end), count(samples, 0.0, end)
    assert numbers(found) == numbers(expected)
    assert replace(found, blocks={}) == replace(expected, blocks={})


@stored
@given(pasts=st.lists(anything, min_size=1, max_size=3), order=st.randoms(use_true_random=False))
def test_pods_add_up_in_any_order(kind: str, pasts: list[list[Step]], order: Random) -> None:
    known = [history(past, f"pod-{index}") for index, past in enumerate(pasts)]
    end = max(one.end for one in known)
    one_by_one = [count(ANSWERS[kind]([one.pod]), 0.0, end) for one in known]
    order.shuffle(one_by_one)
    together = one_by_one[0]
    for more in one_by_one[1:]:
        together += more
    whole = count(ANSWERS[kind]([one.pod for one in known]), 0.0, end)
    assert numbers(together) == numbers(whole)
    assert replace(together, blocks={}) == replace(whole, blocks={})


@stored
@given(past=steady)
def test_series_that_appear_with_their_first_event_lose_none(kind: str, past: list[Step]) -> None:
    """As labelled ones do. That the process was scraped before is known from Prometheus' own series."""
    known = history(past, before=0)
    whole = replace(ANSWERS[kind]([known.pod]), up=known.pod.series("up"))
    served = [at * INTERVAL for at, truth in enumerate(known.served) if truth.latencies]
    first = min(served, default=known.end + 1)
    born = changed(whole, lambda one: kept(one, lambda at: at >= first))
    live, truth = count(born, 0.0, known.end), known.seen[-1]
    assert live.total.requests == len(truth.latencies)
    assert all(live.total.slow.get(limit, (0, 0))[0] <= truth.slow(limit) for limit in LIMITS)


@given(past=visible)
def test_ways_of_storing_agree(past: list[Step]) -> None:
    known = history(past)
    totals = {kind: count(ANSWERS[kind]([known.pod]), 0.0, known.end).total for kind in ANSWERS}
    assert totals["classic"] == totals["custom"]
    for limit in LIMITS:
        bounds = [total.slow.get(limit, (0, 0)) for total in totals.values()]
        assert max(low for low, _ in bounds) <= min(high for _, high in bounds)


@given(past=visible, missed=st.sets(st.integers(0, 12)), offset=st.sampled_from((0.0, 3.0)))
def test_second_scraper_changes_nothing(past: list[Step], missed: set[int], offset: float) -> None:
    """Two jobs scrape a pod: of the one that scraped less nothing counts."""
    known = history(past)
    first = answer([known.pod])
    behind = changed(
        first,
        lambda one: Samples(
            {**one.labels, "job": "second"},
            [(at + offset, value) for at, value in one.points if at / INTERVAL not in missed | {0}],
        ),
    )
    named = changed(first, lambda one: Samples({**one.labels, "job": "first"}, one.points))
    both = replace(named, **{part: [*getattr(named, part), *getattr(behind, part)] for part in PARTS})
    assert numbers(count(both, 0.0, known.end)) == numbers(count(named, 0.0, known.end))
