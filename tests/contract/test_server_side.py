"""What a server used, from a real Prometheus that scrapes itself (tests/cluster/manifests/prometheus.yaml)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.cluster.prometheus import NAMESPACE
from tests.unit.measure.probes import probe
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.base import NameRef, WorkloadRef
from tollgate.api.benchmark import Benchmark, BenchmarkResult, BenchmarkSpec, BenchmarkStatus
from tollgate.api.hardware import LoadedPods
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.units import parse_duration
from tollgate.ports import Cluster, Kind
from tollgate.reconcile.server_side import ServerSide

pytestmark = pytest.mark.cluster

SECONDS, INTERVAL = 20, 5
"""How long a stage is, and how often, at the least, Prometheus scrapes itself."""


class OneProfile:
    """A cluster that has a MetricProfile, and nothing else."""

    def __init__(self, server: dict[str, Any]) -> None:
        self._spec = {
            "scrapeIntervalSeconds": INTERVAL,
            "latency": {"series": "prometheus_http_request_duration_seconds"},
            "server": server,
        }

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": self._spec}


async def readings(metrics: PrometheusMetrics, pod: str, **server: Any) -> ServerReadings:
    """What Prometheus used in the last seconds, as soon as it is known."""
    until = datetime.now(UTC)
    since = until - timedelta(seconds=SECONDS)
    stage = probe("10req/s").model_copy(
        update={"seconds": f"{SECONDS}s", "steady": SteadyWindow(since=since, until=until)}
    )
    digest = "sha256:" + "0" * 64
    result = BenchmarkResult(dataset=digest, profile=digest, pods=1, stages=[stage])
    wanted = Benchmark(
        spec=BenchmarkSpec(
            profile_ref=NameRef(name="p"), target=WorkloadRef(name="t"), metrics_ref=NameRef(name="m")
        )
    )
    status = BenchmarkStatus(started_at=since, loaded=LoadedPods(names=[pod]))
    reader = ServerSide(cast(Cluster, OneProfile(server)), metrics)
    for _ in range(120):
        read = await reader.read(wanted, NAMESPACE, status, result, datetime.now(UTC))
        if isinstance(read, BenchmarkResult):
            break
        await asyncio.sleep(0.5)
    assert isinstance(read, BenchmarkResult), read
    assert read.stages[0].server is not None
    return read.stages[0].server


async def test_a_process_is_read_alike_however_its_histograms_are_stored(metrics: PrometheusMetrics) -> None:
    """Three jobs scrape the same process."""
    await asyncio.sleep(SECONDS)  # it must have been up for as long as is asked for
    series = {
        "memory": {"series": "process_resident_memory_bytes"},
        "cpu": {"series": "process_cpu_seconds_total"},
    }
    one, other = [await readings(metrics, pod, **series) for pod in ("classic", "native")]
    for seen in (one, other):
        assert seen.unknown == {}
        assert seen.scrapes >= SECONDS / INTERVAL / 2
        assert seen.cpu_seconds is not None
        assert 0 < parse_duration(seen.cpu_seconds) < SECONDS
        assert seen.peak_memory is not None
        assert seen.peak_memory.endswith(("Mi", "Gi"))


async def test_series_and_pods_that_are_not_there_are_unknown(metrics: PrometheusMetrics) -> None:
    seen = await readings(metrics, "classic", energy={"series": "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"})
    assert "has no DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION of pod classic" in seen.unknown["energy"]
    seen = await readings(metrics, "nobody", cpu={"series": "process_cpu_seconds_total"})
    assert "of pod nobody in the steady part" in seen.unknown["cpuSeconds"]
