"""What must hold of counting for all histories of pods and scrapes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.measure.scrapes import PROFILE, Pod, answer
from tollgate.measure.counts import LiveCounts
from tollgate.measure.live import LiveSamples, count_live
from tollgate.ports import Samples

LIMITS = (Decimal("0.25"), Decimal("0.3"))
LATENCIES = (0.05, 0.2, 0.28, 0.5, 3.0)
INTERVAL = 10.0
BEFORE = 10_000
"""Requests served before the window, more than any test serves in it: a restart always shows as a drop."""

rounds = st.lists(st.lists(st.sampled_from(LATENCIES), max_size=20), min_size=1, max_size=12)


def history(served: Sequence[Sequence[float]], name: str = "a", restart_at: int | None = None) -> Pod:
    """A pod that is scraped every interval from 0 on, restarted right after one of the scrapes."""
    pod = Pod(name)
    pod.serve([LATENCIES[0]] * BEFORE)
    pod.scrape(0.0)
    for index, latencies in enumerate(served):
        if index == restart_at:
            pod.restart()
        pod.serve(latencies, errors=len(latencies) // 2)
        pod.scrape((index + 1) * INTERVAL)
    return pod


def count(samples: LiveSamples, since: float, until: float) -> LiveCounts:
    return count_live(PROFILE, samples, limits=LIMITS, since=since, until=until)


@given(rounds)
def test_counts_are_what_was_served(served: list[list[float]]) -> None:
    live = count(answer([history(served)]), 0.0, len(served) * INTERVAL)
    latencies = [latency for batch in served for latency in batch]
    assert live.total.requests == live.total.attempts == len(latencies)
    slow = sum(latency > 0.25 for latency in latencies)
    assert live.total.slow[LIMITS[0]] == (slow, slow)
    low, high = live.total.slow[LIMITS[1]]
    assert low <= sum(latency > 0.3 for latency in latencies) <= high
    assert live.total.errors == sum(len(batch) // 2 for batch in served)


@given(rounds, st.floats(0.0, 120.0))
def test_windows_split_anywhere_add_up(served: list[list[float]], at: float) -> None:
    samples, end = answer([history(served)]), len(served) * INTERVAL
    split = min(at, end)
    parts = count(samples, 0.0, split) + count(samples, split, end)
    whole = count(samples, 0.0, end)
    assert parts.total.slow.get(LIMITS[1], (0, 0)) == whole.total.slow.get(LIMITS[1], (0, 0))
    assert (parts.total.requests, parts.total.errors) == (whole.total.requests, whole.total.errors)
    assert parts.pods == whole.pods
    assert {n: b.requests for n, b in parts.blocks.items()} == {
        n: b.requests for n, b in whole.blocks.items()
    }


@given(rounds, st.integers(0, 11))
def test_restart_between_scrapes_changes_nothing(served: list[list[float]], restart_at: int) -> None:
    end = len(served) * INTERVAL
    steady = count(answer([history(served)]), 0.0, end).total
    restarted = count(answer([history(served, restart_at=restart_at)]), 0.0, end).total
    assert (restarted.requests, restarted.slow, restarted.errors) == (
        steady.requests,
        steady.slow,
        steady.errors,
    )


@given(st.lists(rounds, min_size=1, max_size=3), st.integers(0, 1000))
def test_order_of_pods_series_and_samples_does_not_matter(pods: list[list[list[float]]], seed: int) -> None:
    random = Random(seed)
    samples = answer([history(served, name=f"pod-{index}") for index, served in enumerate(pods)])
    end = max(len(served) for served in pods) * INTERVAL

    def shuffled(series: Sequence[Samples]) -> list[Samples]:
        mixed = [Samples(one.labels, tuple(random.sample(one.points, len(one.points)))) for one in series]
        random.shuffle(mixed)
        return mixed

    mixed = LiveSamples(
        shuffled(samples.buckets), shuffled(samples.counts), shuffled(samples.sums), None,
        shuffled(samples.errors or []),
    )  # fmt: skip
    found, expected = count(mixed, 0.0, end), count(samples, 0.0, end)
    assert (found.pods, found.edges, found.silent) == (expected.pods, expected.edges, expected.silent)
    assert found.total.slow == expected.total.slow
    assert found.total.errors == expected.total.errors


@given(rounds, rounds)
def test_pods_add_up(one: list[list[float]], other: list[list[float]]) -> None:
    end = max(len(one), len(other)) * INTERVAL
    first, second = history(one, "a"), history(other, "b")
    together = count(answer([first, second]), 0.0, end).total
    apart = [count(answer([pod]), 0.0, end).total for pod in (first, second)]
    assert together.requests == sum(total.requests for total in apart)
    assert together.errors == sum(total.errors for total in apart)


@given(rounds, st.data())
def test_lost_scrapes_lose_no_requests_unless_the_last_is_lost(
    served: list[list[float]], data: st.DataObject
) -> None:
    samples, end = answer([history(served)]), len(served) * INTERVAL
    lost = data.draw(st.sets(st.sampled_from([INTERVAL * i for i in range(1, len(served))] or [-1.0])))

    def thinned(series: Sequence[Samples]) -> list[Samples]:
        return [Samples(one.labels, tuple(p for p in one.points if p[0] not in lost)) for one in series]

    # Lost in one series only: the scrape is then not used at all.
    found = count(LiveSamples(thinned(samples.buckets), samples.counts, samples.sums, None, []), 0.0, end)
    assert found.total.slow.get(LIMITS[0]) == count(samples, 0.0, end).total.slow.get(LIMITS[0])
