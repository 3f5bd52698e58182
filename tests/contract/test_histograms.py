"""Histograms as a real Prometheus stores and returns them: classic, exponential, and with custom buckets.

Prometheus scrapes itself in each of the three ways (tests/cluster/manifests/prometheus.yaml). A known number of
requests to one of its own handlers must be counted alike in all of them.
"""

from __future__ import annotations

import asyncio
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.cluster.prometheus import NAMESPACE
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.measure.counts import LiveCounts
from tollgate.measure.promql import PodNames
from tollgate.reconcile.live import count_pods

pytestmark = pytest.mark.cluster

HANDLER = "/api/v1/status/buildinfo"
REQUESTS = 25
EDGE, WITHIN_A_BUCKET = Decimal("0.1"), Decimal("0.0003")
"""Seconds. The lowest edge of the classic histogram, and about how long a request takes."""


async def count(metrics: PrometheusMetrics, stored: str, since: datetime) -> LiveCounts:
    profile = MetricProfileSpec.model_validate(
        {
            "scrapeIntervalSeconds": 10,
            "latency": {
                "series": "prometheus_http_request_duration_seconds",
                "matchers": [{"label": "handler", "value": HANDLER}],
                "type": "Classic" if stored == "classic" else "Native",
            },
        }
    )
    return await count_pods(
        metrics,
        profile,
        NAMESPACE,
        PodNames((stored,)),
        limits=[EDGE, WITHIN_A_BUCKET],
        since=since,
        now=datetime.now(UTC),
        expected=(stored,),
    )


async def test_all_ways_of_storing_a_histogram_count_alike(
    prometheus_url: str, metrics: PrometheusMetrics
) -> None:
    since = datetime.now(UTC)
    for _ in range(REQUESTS):
        await asyncio.to_thread(lambda: urllib.request.urlopen(prometheus_url + HANDLER, timeout=10).close())
    counted: dict[str, LiveCounts] = {}
    async with asyncio.timeout(60):
        while any(live.total.requests < REQUESTS for live in counted.values()) or not counted:
            counted = {
                stored: await count(metrics, stored, since) for stored in ("classic", "native", "custom")
            }
            await asyncio.sleep(0.5)

    for stored, live in counted.items():
        assert (live.total.requests, live.pods) == (REQUESTS, {stored: REQUESTS})
        assert (live.silent, live.garbled, live.sums_seen) == ((), (), True)
        assert live.total.latency_sum == pytest.approx(counted["classic"].total.latency_sum)
        fewest, most = live.total.slow[EDGE]
        assert fewest == most == 0, "no request takes 100 ms, and none hides between edges"
    assert counted["classic"].total.slow[WITHIN_A_BUCKET] == (0, REQUESTS)
    assert counted["custom"].total.slow[WITHIN_A_BUCKET] == (0, REQUESTS)
    fewest, most = counted["native"].total.slow[WITHIN_A_BUCKET]
    assert 0 <= fewest <= most <= REQUESTS
    assert most - fewest < REQUESTS, "buckets 9 % wide tell most requests apart"


async def test_no_histogram_of_that_kind(metrics: PrometheusMetrics) -> None:
    """Pods that are scraped, and do not have the series in that form."""
    profile = MetricProfileSpec.model_validate(
        {"scrapeIntervalSeconds": 10, "latency": {"series": "prometheus_http_request_duration_seconds"}}
    )
    now = datetime.now(UTC)
    live = await count_pods(metrics, profile, NAMESPACE, PodNames(("native",)), limits=[], since=now, now=now)
    assert (live.pods, live.scraped) == ({}, ("native",))
