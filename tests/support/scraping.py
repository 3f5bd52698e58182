"""A real Prometheus on this machine that scrapes what a test has exporters say, from a local web server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster import gobuild


@dataclass(frozen=True)
class Exporter:
    """What a target says at each scrape, and from then on at the last one; `labels` are those of the target."""

    name: str
    scrapes: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    honor_labels: bool = False


@contextmanager
def scraping(folder: Path, exporters: Sequence[Exporter]) -> Iterator[str]:
    """The address of a Prometheus that has scraped everything, each second; its data and its log are in the folder."""
    web = _Web(exporters)
    serving = threading.Thread(target=web.serve_forever, daemon=True)
    serving.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(_configuration(web.server_port, exporters)))  # JSON is YAML
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
        asyncio.run(_scraped(web, process))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        web.shutdown()
        web.server_close()
        serving.join()


class _Web(ThreadingHTTPServer):
    """Every exporter at a path of its own."""

    def __init__(self, exporters: Sequence[Exporter]) -> None:
        super().__init__(("127.0.0.1", 0), _Exposition)
        self.scrapes = {f"/{exporter.name}": exporter.scrapes for exporter in exporters}
        self.seen: Counter[str] = Counter()

    @property
    def read(self) -> bool:
        """Whether each exposition was scraped, and its answer stored."""
        return all(self.seen[path] > len(scrapes) for path, scrapes in self.scrapes.items())


class _Exposition(BaseHTTPRequestHandler):
    server: _Web

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


def _configuration(port: int, exporters: Sequence[Exporter]) -> dict[str, Any]:
    def job(exporter: Exporter) -> dict[str, Any]:
        return {
            "job_name": exporter.name,
            "metrics_path": f"/{exporter.name}",
            "honor_labels": exporter.honor_labels,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": dict(exporter.labels)}],
        }

    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job(exporter) for exporter in exporters],
    }


async def _scraped(web: _Web, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(120):
        while not web.read:
            assert process.poll() is None, "Prometheus has ended: see its log in the test's folder"
            await asyncio.sleep(0.2)
