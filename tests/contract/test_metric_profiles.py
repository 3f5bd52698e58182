"""The shipped metric profiles by a real Prometheus, which scrapes what each server exports from a local web server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cluster import gobuild
from tests.support.expositions import NAMESPACE, POD, SERVERS, SHIPPED, Server
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.dimension import Dimension
from tollgate.cli.main import main
from tollgate.reconcile.live import count_pods

pytestmark = pytest.mark.cluster


class Exporters(ThreadingHTTPServer):
    """Every server at a path of its own. Each scrape gets the next exposition, and then always the last one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exposition)
        self.scrapes = {f"/{server.name}": server.scrapes for server in SERVERS}
        self.seen: Counter[str] = Counter()

    @property
    def read(self) -> bool:
        """Whether each exposition was scraped, and its answer stored."""
        return all(self.seen[path] > len(scrapes) for path, scrapes in self.scrapes.items())


class _Exposition(BaseHTTPRequestHandler):
    server: Exporters

    def do_GET(self) -> None:
        scrapes = self.server.scrapes[self.path]
        text = scrapes[min(self.server.seen[self.path], len(scrapes) - 1)]
        self.server.seen[self.path] += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the scrapes are counted."""


def _configuration(port: int) -> dict[str, Any]:
    def job(server: Server) -> dict[str, Any]:
        namespace, pod = server.place
        labels = {"namespace": namespace, "pod": pod}
        return {
            "job_name": server.name,
            "metrics_path": f"/{server.name}",
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels}],
        }

    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job(server) for server in SERVERS],
    }


@pytest.fixture(scope="module")
def began() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def prometheus(began: datetime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that has scraped everything."""
    folder = tmp_path_factory.mktemp("prometheus")
    exporters = Exporters()
    serving = threading.Thread(target=exporters.serve_forever, daemon=True)
    serving.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(_configuration(exporters.server_port)))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(gobuild.tool("prometheus")),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        asyncio.run(_scraped(exporters, process))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        exporters.shutdown()
        exporters.server_close()
        serving.join()


async def _scraped(exporters: Exporters, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(120):
        while not exporters.read:
            assert process.poll() is None, "Prometheus has ended: see its log in the test's folder"
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
async def test_prometheus_and_the_profile_tell_what_was_served(
    prometheus: str, began: datetime, server: Server
) -> None:
    metrics = PrometheusMetrics(prometheus)
    profile = server.profile.model_copy(update={"scrape_interval_seconds": 5})
    try:
        live = await count_pods(
            metrics,
            profile,
            NAMESPACE,
            server.selector,
            limits=[Decimal(server.limit)],
            since=began,
            now=datetime.now(UTC),
        )
    finally:
        metrics.close()
    server.check(live)


@pytest.mark.parametrize(
    ("server", "dimension"),
    [(server, dimension) for server in SERVERS for dimension in server.profile.timed],
    ids=lambda one: one.name if isinstance(one, Server) else str(one),
)
async def test_prometheus_and_the_profile_tell_other_times(
    prometheus: str, began: datetime, server: Server, dimension: Dimension
) -> None:
    metrics = PrometheusMetrics(prometheus)
    profile = server.profile.model_copy(update={"scrape_interval_seconds": 5}).only_of(dimension)
    expected = server.times[dimension]
    try:
        live = await count_pods(
            metrics,
            profile,
            NAMESPACE,
            server.selector,
            limits=[Decimal(expected.limit)],
            since=began,
            now=datetime.now(UTC),
        )
    finally:
        metrics.close()
    expected.check(live)


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
