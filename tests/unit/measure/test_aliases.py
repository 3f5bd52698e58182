from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.measure.scrapes import PROFILE, Pod, answer
from tollgate.api.series import Series
from tollgate.measure.aliases import first_named
from tollgate.measure.live import LiveSamples, count_live
from tollgate.ports import Samples

SERIES = Series(series="new", aliases=["middle", "old"])


def sample(name: str, pod: str = "a") -> Samples:
    return Samples({"__name__": name, "pod": pod}, [(1.0, 1.0)])


def kept(**parts: list[Samples]) -> list[str]:
    found = first_named(SERIES, {f"_{suffix}": some for suffix, some in parts.items()}, "pod")
    return sorted(f"{one.labels['pod']}:{one.labels['__name__']}" for some in found.values() for one in some)


def test_the_first_name_that_a_pod_exports_counts() -> None:
    assert kept(sum=[sample("old_sum"), sample("new_sum")]) == ["a:new_sum"]
    assert kept(sum=[sample("old_sum"), sample("middle_sum")]) == ["a:middle_sum"]
    assert kept(sum=[sample("old_sum")]) == ["a:old_sum"]


def test_each_pod_has_names_of_its_own() -> None:
    assert kept(sum=[sample("old_sum"), sample("new_sum", "b"), sample("old_sum", "b")]) == [
        "a:old_sum",
        "b:new_sum",
    ]


def test_all_parts_of_a_histogram_are_of_one_name() -> None:
    both = {suffix: [sample(f"{name}_{suffix}") for name in ("old", "new")] for suffix in ("sum", "count")}
    assert kept(**both) == ["a:new_count", "a:new_sum"]
    assert kept(sum=[sample("old_sum"), sample("new_sum")], count=[sample("old_count")]) == ["a:new_sum"]


def named(pod: Pod, name: str) -> LiveSamples:
    """What Prometheus holds of a pod that exports the histogram under that name."""

    def under(some: list[Samples], suffix: str) -> list[Samples]:
        return [replace(one, labels={**one.labels, "__name__": name + suffix}) for one in some]

    found = answer([pod])
    return replace(
        found,
        buckets=under(list(found.buckets), "_bucket"),
        counts=under(list(found.counts), "_count"),
        sums=under(list(found.sums), "_sum"),
    )


@pytest.mark.parametrize("names", [("request_seconds",), ("old",), ("old", "request_seconds")])
def test_a_server_that_has_both_names_is_counted_once(names: tuple[str, ...]) -> None:
    pod = Pod("a")
    for at in (0.0, 10.0, 20.0):
        pod.scrape(at)
        pod.serve([0.05] * 9 + [0.5])
    answers = [named(pod, name) for name in names]
    samples = LiveSamples(
        buckets=[one for some in answers for one in some.buckets],
        counts=[one for some in answers for one in some.counts],
        sums=[one for some in answers for one in some.sums],
        errors=[],
    )
    latency = PROFILE.latency.model_copy(update={"aliases": ["old"]})
    profile = PROFILE.model_copy(update={"latency": latency})
    live = count_live(profile, samples, limits=[Decimal("0.25")], since=0.0, until=20.0)
    assert live.total.requests == 20
    assert live.total.slow[Decimal("0.25")] == (2, 2)
    assert live.total.latency_sum == pytest.approx(18 * 0.05 + 2 * 0.5)
