"""Prometheus through prometheus-api-client, which is synchronous: few threads, answers bounded in time
and size.

It must not judge samples: NaN and infinities pass as they are. A partial answer is an error, because a
verdict on half of the pods would be wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.util.retry import Retry

from tollgate.errors import MetricsError
from tollgate.ports import Histogram, Samples

MAX_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_GRACE_SECONDS = 1.0
_NO_RETRIES = Retry(total=0, read=False, redirect=False, respect_retry_after_header=False)


def _unobserved(_result: str) -> None:
    return None


class PrometheusMetrics:
    """`ports.Metrics`. At most `concurrency` queries are under way, each for at most `timeout` seconds."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        bearer_token_file: str = "",
        ca_file: str = "",
        concurrency: int = 4,
        max_bytes: int = MAX_BYTES,
        observe: Callable[[str], None] = _unobserved,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._bearer_token_file = bearer_token_file
        self._ca_file = ca_file
        self._max_bytes = max_bytes
        self._observe = observe
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="prometheus")
        self._idle: deque[PrometheusConnect] = deque()

    async def samples(self, query: str, at: datetime) -> list[Samples]:
        """See ports.Metrics. A query whose value is a vector gives one point a series."""
        try:
            found = await self._bounded(query, at)
        except MetricsError:
            self._observe("error")
            raise
        self._observe("empty" if not found else "ok")
        return found

    async def _bounded(self, query: str, at: datetime) -> list[Samples]:
        """The answer, unless no thread gets free or the query is not answered in time."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._slots.acquire()
        except TimeoutError as error:
            unanswered = f"{self._concurrency} earlier queries are unanswered after {self._timeout:g} s"
            raise MetricsError(f"Prometheus is too slow: {unanswered}") from error
        loop = asyncio.get_running_loop()
        work = self._threads.submit(self._query, query, at)
        work.add_done_callback(lambda _: _release(loop, self._slots))
        try:
            async with asyncio.timeout(self._timeout + _GRACE_SECONDS):
                return await asyncio.wrap_future(work)
        except TimeoutError as error:
            raise MetricsError(f"Prometheus gave no answer in {self._timeout:g} s") from error

    def _query(self, query: str, at: datetime) -> list[Samples]:
        """Runs in a thread, with a connection that no other thread uses meanwhile."""
        prometheus = self._idle.pop() if self._idle else self._connect()
        try:
            parameters = {"time": f"{at.timestamp():.3f}", "timeout": f"{self._timeout:g}s"}
            return [_samples(series) for series in prometheus.custom_query(query, params=parameters)]
        except requests.Timeout as error:
            raise MetricsError(f"Prometheus gave no answer in {self._timeout:g} s") from error
        except (PrometheusApiClientException, ValueError, TypeError, KeyError, AttributeError) as error:
            raise MetricsError(f"Prometheus answered what is no query result: {error!r:.300}") from error
        except OSError as error:  # every other exception of requests, and files that cannot be read
            raise MetricsError(f"Prometheus cannot be reached: {_root_cause(error)}") from error
        finally:
            self._idle.append(prometheus)

    def _connect(self) -> PrometheusConnect:
        session = _Session(self._timeout, self._bearer_token_file, self._ca_file, self._max_bytes)
        return PrometheusConnect(url=self._url, session=session, retry=_NO_RETRIES)

    def close(self) -> None:
        """Stop taking queries and drop the connections; a query under way ends by its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._idle:
            self._idle.pop().close()


class _Session(requests.Session):
    """A session that follows no redirects, reads no environment, and limits an answer's time and size."""

    def __init__(self, timeout: float, bearer_token_file: str, ca_file: str, max_bytes: int) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_file or True
        self._timeout = timeout
        self._bearer_token_file = bearer_token_file
        self._max_bytes = max_bytes

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """As the base class, but raises MetricsError for everything except a whole answer with HTTP 200."""
        options |= {"allow_redirects": False, "stream": True, "timeout": self._timeout}
        if self._bearer_token_file:  # read each time, as it may be rotated
            request.headers["Authorization"] = f"Bearer {Path(self._bearer_token_file).read_text().strip()}"
        deadline = time.monotonic() + self._timeout
        with super().send(request, **options) as response:
            body = self._read(response, deadline)
        if response.status_code != 200:
            raise MetricsError(_refusal(response, body))
        if b'"warnings"' in body and (warnings := json.loads(body).get("warnings")):
            raise MetricsError(f"Prometheus warns that its answer may be incomplete: {warnings[0]:.300}")
        whole = requests.Response()
        whole.status_code = response.status_code
        whole.raw = io.BytesIO(body)
        return whole

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_bytes:
                raise MetricsError(
                    f"Prometheus answered more than {self._max_bytes // 1024} KiB: too many series or samples"
                )
            if time.monotonic() > deadline:
                raise requests.Timeout
        return bytes(body)


def _refusal(response: requests.Response, body: bytes) -> str:
    """Why there is no result, in Prometheus' own words where it gave any."""
    if response.is_redirect:
        return (
            f"Prometheus redirects to {response.headers['Location']:.200}: set prometheus.url to that address"
        )
    try:
        words = str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        words = response.reason or "no reason given"
    return f"Prometheus refused the query: HTTP {response.status_code}: {words:.300}"


def _root_cause(error: BaseException) -> BaseException:
    while error.__context__:
        error = error.__context__
    return error


def _samples(series: Any) -> Samples:
    """One series of a matrix or vector; ValueError or its like when it is neither."""
    points, histograms = (
        series[many] if many in series else [series[one]] if one in series else []
        for one, many in (("value", "values"), ("histogram", "histograms"))
    )
    if not points and not histograms:
        raise ValueError(f"a series without samples: {series!r:.200}")
    return Samples(
        dict(series["metric"]),
        [(float(at), float(value)) for at, value in points],
        [(float(at), _histogram(value)) for at, value in histograms],
    )


def _histogram(value: Any) -> Histogram:
    """A native histogram. The first number of a bucket, which of its ends belong to it, matters to none above 0."""
    listed = value.get("buckets", ())  # empty buckets are left out, all of them if need be
    buckets = tuple((float(left), float(right), float(count)) for _, left, right, count in listed)
    return Histogram(float(value["count"]), float(value["sum"]), buckets)


def _release(loop: asyncio.AbstractEventLoop, slots: asyncio.Semaphore) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(slots.release)
