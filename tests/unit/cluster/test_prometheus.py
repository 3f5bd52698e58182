"""Waiting for Prometheus behind an address that may change meanwhile, with a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cluster.contextcluster import ContextCluster
from tests.cluster.errors import ClusterError
from tests.cluster.prometheus import answering_url

NOBODY = "http://127.0.0.1:1"


class Forwarded(ContextCluster):
    """A cluster whose Service is found at one address after the other, and then at the last one."""

    def __init__(self, *urls: str) -> None:
        super().__init__("any")
        self._urls = list(urls)

    def service_url(self, namespace: str, service: str, port: int) -> str:
        return self._urls.pop(0) if len(self._urls) > 1 else self._urls[0]


class Prometheus(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": {"result": [{"value": [0, "1"]}]}}).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def prometheus() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Prometheus) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_forward_that_ended_with_its_pod_is_not_waited_for(prometheus: str) -> None:
    assert answering_url(Forwarded(NOBODY, prometheus)) == prometheus


def test_nobody_there_is_an_error_with_the_address() -> None:
    with pytest.raises(ClusterError, match=NOBODY):
        answering_url(Forwarded(NOBODY), timeout_seconds=0)
