"""The shipped metric profiles by a real Prometheus, which scrapes what each server exports from a local web server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.expositions import NAMESPACE, POD, SERVERS, SHIPPED, Server
from tests.support.scraping import Exporter, scraping
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.dimension import Dimension
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.cli.main import main
from tollgate.measure.counts import LiveCounts
from tollgate.reconcile.live import count_pods

pytestmark = pytest.mark.cluster


def _exporter(server: Server) -> Exporter:
    namespace, pod = server.place
    return Exporter(server.name, server.scrapes, {"namespace": namespace, "pod": pod})


@pytest.fixture(scope="module")
def began() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def prometheus(began: datetime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that has scraped everything."""
    folder = tmp_path_factory.mktemp("prometheus")
    with scraping(folder, [_exporter(server) for server in SERVERS]) as address:
        yield address


async def counted(
    prometheus: str, began: datetime, server: Server, of: MetricProfileSpec, limit: str
) -> LiveCounts:
    """What this profile counts of the server."""
    metrics = PrometheusMetrics(prometheus)
    try:
        return await count_pods(
            metrics,
            of.model_copy(update={"scrape_interval_seconds": 5}),
            NAMESPACE,
            server.selector,
            limits=[Decimal(limit)],
            since=began,
            now=datetime.now(UTC),
        )
    finally:
        metrics.close()


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
async def test_prometheus_and_the_profile_tell_what_was_served(
    prometheus: str, began: datetime, server: Server
) -> None:
    server.check(await counted(prometheus, began, server, server.profile, server.limit))


@pytest.mark.parametrize(
    ("server", "dimension"),
    [(server, dimension) for server in SERVERS for dimension in server.profile.timed],
    ids=lambda one: one.name if isinstance(one, Server) else str(one),
)
async def test_prometheus_and_the_profile_tell_other_times(
    prometheus: str, began: datetime, server: Server, dimension: Dimension
) -> None:
    expected, profile = server.times[dimension], server.profile.only_of(dimension)
    expected.check(await counted(prometheus, began, server, profile, expected.limit))


def test_the_command_shows_what_prometheus_has(prometheus: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Both names of the KV cache are there, and the pod has one cache."""
    profile = ("-f", str(SHIPPED / "vllm.yaml"), "--minutes", "1")
    code = main(
        [
            "profile",
            "test",
            *profile,
            "--prometheus",
            prometheus,
            "-n",
            NAMESPACE,
            "--selector",
            f"{POD[:-5]}.*",
        ]
    )
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert code == 0
    assert lines["Latency P99"].strip() == "2s to 2.5s in 120 requests"
    assert lines["TimeToFirstToken P99"].strip() == "500ms to 750ms in 120 requests"
    assert lines["InterTokenLatency P50"].strip() == "10ms to 25ms in 1,200 tokens"
    assert lines["ErrorRate"].strip() == "3.226%: 4 of 124 requests"
    assert lines["KVCache"].strip() == "50%"
