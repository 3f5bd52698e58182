"""Everything that can be wrong with Prometheus, from a small HTTP server in its place."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.errors import MetricsError
from tollgate.ports import Histogram

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Server:
    """Answers every request by `answer(handler)`; keeps the paths, queries and Authorization headers."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = body(matrix())
        self.requests: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.release = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                authorization = self.headers.get("Authorization")
                server.requests.append((parts.path, parse_qs(parts.query), authorization))
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()


def native(*values: Any) -> dict[str, Any]:
    return {
        "metric": {"pod": "a"},
        "histograms": [[1000 + index, value] for index, value in enumerate(values)],
    }


def matrix(*series: Any, **extra: Any) -> bytes:
    return json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": list(series)}, **extra}
    ).encode()


def body(content: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"short")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def metrics(server: Server) -> Iterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(server.url + "/", timeout=2.0)
    yield metrics
    metrics.close()


async def test_a_matrix(server: Server, metrics: PrometheusMetrics) -> None:
    server.answer = body(matrix({"metric": {"pod": "a"}, "values": [[1000.5, "1"], [1015, "2.5"]]}))
    [series] = await metrics.samples('x{pod="a"}[1m]', AT)
    assert series.labels == {"pod": "a"}
    assert series.points == [(1000.5, 1.0), (1015.0, 2.5)]
    path, query, authorization = server.requests[0]
    assert path == "/api/v1/query"
    assert query == {"query": ['x{pod="a"}[1m]'], "time": [f"{AT.timestamp():.3f}"], "timeout": ["2s"]}
    assert authorization is None


async def test_a_vector_gives_one_point_a_series(server: Server, metrics: PrometheusMetrics) -> None:
    server.answer = body(matrix({"metric": {}, "value": [1000, "3"]}))
    assert [series.points for series in await metrics.samples("x", AT)] == [[(1000.0, 3.0)]]


async def test_native_histograms(server: Server, metrics: PrometheusMetrics) -> None:
    buckets = [[3, "-0.001", "0.001", "2"], [0, "0.5", "1", "3"], [0, "1", "+Inf", "1"]]
    server.answer = body(
        matrix(native({"count": "0", "sum": "0"}, {"count": "6", "sum": "NaN", "buckets": buckets}))
    )
    [series] = await metrics.samples("x[1m]", AT)
    assert (series.labels, series.points) == ({"pod": "a"}, [])
    (_, empty), (at, filled) = series.histograms
    assert empty == Histogram(0, 0)
    assert (at, filled.count, filled.buckets) == (
        1001,
        6,
        ((-0.001, 0.001, 2), (0.5, 1, 3), (1, math.inf, 1)),
    )
    assert math.isnan(filled.sum)


async def test_a_vector_of_native_histograms(server: Server, metrics: PrometheusMetrics) -> None:
    server.answer = body(matrix({"metric": {}, "histogram": [1000, {"count": "0", "sum": "0"}]}))
    assert (await metrics.samples("x", AT))[0].histograms == [(1000, Histogram(0, 0))]


async def test_no_series(server: Server, metrics: PrometheusMetrics) -> None:
    assert await metrics.samples("x", AT) == []


async def test_nan_and_infinities_pass(server: Server, metrics: PrometheusMetrics) -> None:
    server.answer = body(matrix({"metric": {}, "values": [[1, "NaN"], [2, "+Inf"], [3, "-Inf"]]}))
    [series] = await metrics.samples("x", AT)
    values = [value for _, value in series.points]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            body(b'{"status":"error","errorType":"execution","error":"too many samples"}', 422),
            "422: too many samples",
        ),
        (body(b'{"status":"error","error":"parse error"}', 400), "HTTP 400: parse error"),
        (body(b"no", 401), "HTTP 401: Unauthorized"),
        (body(b"<html>", 503), "HTTP 503: Service Unavailable"),
        (body(b"", 302, Location="http://elsewhere/"), "redirects to http://elsewhere/"),
        (body(b"<html>login</html>"), "no query result"),
        (body(b'{"status":"success"}'), "no query result"),
        (body(b'{"status":"success","data":{"result":[1000,"3"]}}'), "no query result"),
        (body(b'{"status":"success","data":{"result":[{"metric":{}}]}}'), "no query result"),
        (body(matrix({"metric": {}, "values": [[1, "many"]]})), "no query result"),
        (body(matrix({"metric": {}, "values": []})), "no query result"),
        (body(matrix("series")), "no query result"),
        (body(matrix(native("many"))), "no query result"),
        (body(matrix(native({"sum": "1"}))), "no query result"),
        (body(matrix(native({"count": "1", "sum": "1", "buckets": [[0, "1", "1"]]}))), "no query result"),
        (body(matrix(native({"count": "1", "sum": "1", "buckets": "many"}))), "no query result"),
        (body(matrix(warnings=["store unreachable"])), "store unreachable"),
        (body(b"x" * 3_000_000), "more than 2048 KiB"),
        (body(gzip.compress(b" " * 3_000_000), Content_Encoding="gzip"), "more than 2048 KiB"),
        (truncated, "cannot be reached"),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(server: Server, answer: Any, sentence: str) -> None:
    server.answer = answer
    results: list[str] = []
    metrics = PrometheusMetrics(server.url, timeout=2.0, max_bytes=2 * 1024 * 1024, observe=results.append)
    with pytest.raises(MetricsError, match=sentence):
        await metrics.samples("x", AT)
    assert results == ["error"]
    assert len(server.requests) == 1  # neither retried nor followed
    metrics.close()


async def test_the_word_warnings_in_a_label_is_none(server: Server, metrics: PrometheusMetrics) -> None:
    server.answer = body(matrix({"metric": {"a": '"warnings":["x"]'}, "values": [[1, "1"]]}))
    assert len(await metrics.samples("x", AT)) == 1


async def test_no_server() -> None:
    metrics = PrometheusMetrics("http://127.0.0.1:1", timeout=2.0)
    with pytest.raises(MetricsError, match=r"cannot be reached: .*Connection refused"):
        await metrics.samples("x", AT)
    metrics.close()


async def test_the_token_is_read_for_each_query(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    metrics = PrometheusMetrics(server.url, bearer_token_file=str(token))
    with pytest.raises(MetricsError, match="token"):
        await metrics.samples("x", AT)
    for word in ("first", "second"):
        token.write_text(f"{word}\n")
        await metrics.samples("x", AT)
    assert [authorization for _, _, authorization in server.requests] == ["Bearer first", "Bearer second"]
    metrics.close()


async def test_a_missing_ca_file_is_an_error_not_a_bypass(server: Server, tmp_path: Path) -> None:
    metrics = PrometheusMetrics("https://127.0.0.1:1", ca_file=str(tmp_path / "absent.pem"))
    with pytest.raises(MetricsError, match=r"absent\.pem"):
        await metrics.samples("x", AT)
    metrics.close()


async def test_when_it_hangs_the_loop_lives_and_threads_are_bounded(server: Server) -> None:
    server.answer = lambda _handler: server.release.wait(10) and None
    metrics = PrometheusMetrics(server.url, timeout=0.3, concurrency=2)
    threads = threading.active_count()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    outcomes = await asyncio.gather(*(metrics.samples("x", AT) for _ in range(20)), return_exceptions=True)
    assert time.monotonic() - began < 5
    assert all(isinstance(outcome, MetricsError) for outcome in outcomes)
    assert any("no answer in 0.3 s" in str(outcome) for outcome in outcomes)
    assert any("too slow" in str(outcome) for outcome in outcomes)
    assert ticks > 10
    server_threads = len(server.requests)
    assert threading.active_count() - threads <= 2 + server_threads
    assert len(server.requests) < 20
    ticking.cancel()
    metrics.close()


async def test_it_recovers_after_hanging(server: Server) -> None:
    server.answer = lambda _handler: server.release.wait(10) and None
    metrics = PrometheusMetrics(server.url, timeout=0.2, concurrency=1)
    with pytest.raises(MetricsError):
        await metrics.samples("x", AT)
    server.answer = body(matrix())
    assert await metrics.samples("x", AT) == []
    metrics.close()


async def test_an_answer_that_drips_is_given_up(server: Server) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" " * 65536)
            if server.release.wait(0.05):
                return

    server.answer = drip
    metrics = PrometheusMetrics(server.url, timeout=0.3, max_bytes=10**9)
    began = time.monotonic()
    with pytest.raises(MetricsError, match="no answer in"):
        await metrics.samples("x", AT)
    assert time.monotonic() - began < 2
    metrics.close()
