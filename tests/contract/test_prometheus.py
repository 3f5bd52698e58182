"""The Prometheus adapter against a real Prometheus. The queries need no scraped data."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.errors import MetricsError

pytestmark = pytest.mark.cluster

AT = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


async def test_raw_samples_at_an_instant(metrics: PrometheusMetrics) -> None:
    query = 'label_replace(vector(time()), "pod", "a\\"b", "", "")[1m:15s]'
    [series] = await metrics.samples(query, AT)
    assert series.labels == {"pod": 'a"b'}
    at = AT.timestamp()
    assert list(series.points) == [(at - back, at - back) for back in (45, 30, 15, 0)]


async def test_a_vector(metrics: PrometheusMetrics) -> None:
    [series] = await metrics.samples("vector(3)", AT)
    assert list(series.points) == [(AT.timestamp(), 3.0)]


async def test_no_series(metrics: PrometheusMetrics) -> None:
    assert await metrics.samples('tollgate_no_such_series{namespace="x"}[5m]', AT) == []


async def test_nan_and_infinity(metrics: PrometheusMetrics) -> None:
    [nan] = await metrics.samples("vector(0) / vector(0)", AT)
    [infinity] = await metrics.samples("vector(1) / vector(0)", AT)
    assert math.isnan(nan.points[0][1])
    assert infinity.points[0][1] == math.inf


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("bad{", "HTTP 400: .*parse error"),
        (
            'vector(1) * on() (label_replace(vector(1), "a", "b", "", "") or vector(1))',
            "HTTP 422: .*duplicate series",
        ),
        ("histogram_quantile(0.9, vector(1))", "incomplete: PromQL warning"),
        ("1 + 1", "no query result"),
    ],
    ids=["syntax", "execution", "warning", "scalar"],
)
async def test_refusals_in_its_own_words(metrics: PrometheusMetrics, query: str, sentence: str) -> None:
    with pytest.raises(MetricsError, match=sentence):
        await metrics.samples(query, AT)


async def test_an_answer_that_is_too_long(prometheus_url: str) -> None:
    metrics = PrometheusMetrics(prometheus_url, max_bytes=64 * 1024)
    with pytest.raises(MetricsError, match="more than 64 KiB"):
        await metrics.samples("vector(1)[5h:1s]", AT)
    metrics.close()


async def test_a_query_that_takes_too_long(prometheus_url: str) -> None:
    metrics = PrometheusMetrics(prometheus_url, timeout=0.001)
    with pytest.raises(MetricsError, match="Prometheus"):
        await metrics.samples("sum_over_time(vector(1)[10h:1s])", AT)
    metrics.close()
