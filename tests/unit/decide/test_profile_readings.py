from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.expositions import NAMESPACE, SCRAPE_SECONDS, SERVERS, Recorded, Server
from tollgate.api.dimension import Dimension
from tollgate.decide.profile_readings import Reading, complete, ladder, readings, table
from tollgate.reconcile.live import count_pods

BEGAN = datetime(2026, 11, 2, 12, tzinfo=UTC)


async def read(name: str, namespace: str = NAMESPACE) -> dict[str, Reading]:
    """What the shipped profile of a server reads after three scrapes of it."""
    server: Server = next(one for one in SERVERS if one.name == name)
    metrics = Recorded()
    for number, text in enumerate(server.scrapes):
        metrics.scrape(text, server.place, BEGAN.timestamp() + number * SCRAPE_SECONDS)
    now = BEGAN + timedelta(seconds=2 * SCRAPE_SECONDS)
    edges: tuple[float, ...] = ()
    for _ in range(2):
        live = await count_pods(
            metrics, server.profile, namespace, server.selector, limits=ladder(edges), since=BEGAN, now=now
        )
        edges = live.edges
    return {reading.what: reading for reading in readings(server.profile, live, None)}


async def test_percentiles_lie_between_edges_and_the_rest_is_counted() -> None:
    found = await read("vllm")
    assert found["Latency Mean"].value == "850ms in 120 requests"
    assert found["Latency P50"].value == "500ms to 800ms in 120 requests"
    assert found["Latency P99"].value == "2s to 2.5s in 120 requests"
    assert found["ErrorRate"].value == "3.226%: 4 of 124 requests"
    assert found["ViolationRate"].note.startswith("exact within 300ms, 500ms, 800ms")
    assert found["KVCache"].note == "a benchmark reads vllm:kv_cache_usage_perc of the pods that it loads"
    assert found["Memory"].note == "the profile does not name the meter server.memory"
    assert complete([*found.values()])


async def test_every_dimension_has_a_line() -> None:
    said = dict(table(list((await read("vllm")).values())))
    assert {what.split()[0] for what in said} == {dimension.value for dimension in Dimension}
    assert all(said.values())


async def test_a_mean_says_what_to_do_for_a_percentile() -> None:
    found = await read("triton")
    assert found["Latency Mean"].value == "28.6ms in 120 requests"
    assert "which tells their mean only: limit the Mean" in found["Latency P99"].note
    assert "the MetricProfile names no error counter" in found["ErrorRate"].note
    assert complete([*found.values()]), "nothing that the profile names is missing"


async def test_a_service_tells_no_cost() -> None:
    found = await read("traefik")
    assert "the cost of its pods is not known" in found["Cost"].note
    assert found["Latency P90"].value == "at most 100ms in 124 requests"


@pytest.mark.parametrize("what", ["Latency Mean", "Latency P99", "ErrorRate", "ViolationRate", "Cost"])
async def test_what_is_not_there_is_missing_and_says_what_to_do(what: str) -> None:
    found = await read("vllm", namespace="finance")
    assert found[what].missing
    assert found[what].note.startswith("PodsNotScraped: Prometheus has nothing of these pods: check that")
    assert not complete([*found.values()])


def test_without_edges_a_ladder_is_climbed() -> None:
    steps = ladder(())
    assert (str(steps[0]), steps[-1]) == ("0.001", 5000)
    assert steps == sorted(steps)
    assert [str(step) for step in ladder((0.25, 2.5))] == ["0.25", "1", "2.5"]
