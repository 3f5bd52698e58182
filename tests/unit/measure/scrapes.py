"""A fake model server with a latency histogram and an error counter, scraped when a test says so.

It keeps every latency of the running process, so each scrape shows the truth: as a classic histogram, as an
exponential native one, and as a native one with the classic one's edges.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.measure.live import LiveSamples
from tollgate.ports import Histogram, Samples

EDGES = (0.1, 0.25, 1.0)


def profile(kind: str = "Classic") -> MetricProfileSpec:
    """Where these servers' metrics are."""
    return MetricProfileSpec.model_validate(
        {
            "scrapeIntervalSeconds": 10,
            "latency": {"series": "request_seconds", "type": kind},
            "errors": {"series": "errors_total"},
        }
    )


PROFILE, NATIVE_PROFILE = profile(), profile("Native")


Latencies = Counter[float]
"""How many requests took how long, in seconds."""


def exponential(latencies: Latencies, schema: int) -> Histogram:
    """The native histogram of positive latencies with 2**schema buckets for each power of two."""
    buckets: Counter[int] = Counter()
    for latency, count in latencies.items():
        buckets[math.ceil(math.log2(latency) * 2**schema)] += count
    found = [
        (2 ** ((index - 1) / 2**schema), 2 ** (index / 2**schema), float(count))
        for index, count in sorted(buckets.items())
    ]
    return Histogram(float(latencies.total()), _sum(latencies), tuple(found))


def custom(latencies: Latencies, edges: Sequence[float]) -> Histogram:
    """The native histogram of latencies with custom buckets."""
    buckets = [
        (left, right, float(sum(n for latency, n in latencies.items() if left < latency <= right)))
        for left, right in pairwise((-math.inf, *edges, math.inf))
    ]
    return Histogram(float(latencies.total()), _sum(latencies), tuple(b for b in buckets if b[2]))


def _sum(latencies: Latencies) -> float:
    return math.fsum(latency * count for latency, count in latencies.items())


class Pod:
    """One process after another, and what every scrape saw of them.

    `schema` is the resolution of the native histogram, from now on.
    """

    def __init__(
        self, name: str, edges: Sequence[float] = EDGES, labels: Mapping[str, str] | None = None
    ) -> None:
        self.labels = {"namespace": "vision", "pod": name, "instance": f"{name}:8000", **(labels or {})}
        self.edges = tuple(edges)
        self.schema = 3
        self._points: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self._histograms: dict[str, list[tuple[float, Histogram]]] = defaultdict(list)
        self.restart()

    def restart(self) -> None:
        """All counters begin at zero again."""
        self._latencies: Latencies = Counter()
        self._errors = 0

    def serve(self, latencies: Iterable[float], errors: int = 0) -> None:
        """Answer requests of these latencies, in seconds."""
        self._latencies.update(latencies)
        self._errors += errors

    def scrape(self, at: float) -> None:
        """All series get a sample at that instant."""
        served = self._latencies
        for edge in (*self.edges, math.inf):
            le = "+Inf" if math.isinf(edge) else str(edge)
            count = sum(n for latency, n in served.items() if latency <= edge)
            self._points["bucket", le].append((at, float(count)))
        self._points["count", ""].append((at, float(served.total())))
        self._points["sum", ""].append((at, _sum(served)))
        self._points["errors", ""].append((at, float(self._errors)))
        self._points["up", ""].append((at, 1.0))
        self._histograms["exponential"].append((at, exponential(served, self.schema)))
        self._histograms["custom"].append((at, custom(served, self.edges)))

    def miss(self, at: float) -> None:
        """A scrape fails."""
        self._points["up", ""].append((at, 0.0))

    def series(self, kind: str) -> list[Samples]:
        """What Prometheus would hold of a kind: bucket, count, sum, errors, up, exponential or custom."""
        if kind in self._histograms:
            return [Samples(self.labels, (), tuple(self._histograms[kind]))]
        return [
            Samples({**self.labels, **({"le": le} if le else {})}, tuple(points))
            for (what, le), points in self._points.items()
            if what == kind
        ]


def answer(pods: Iterable[Pod], *, errors: bool = True, up: bool = False) -> LiveSamples:
    """The answers to all queries for classic histograms.

    `errors=False` as if no pod exported the error counter, `up=True` as if Prometheus' own series named the pods.
    """
    listed = list(pods)
    return LiveSamples(
        buckets=_all(listed, "bucket"),
        counts=_all(listed, "count"),
        sums=_all(listed, "sum"),
        errors=_all(listed, "errors") if errors else [],
        up=_all(listed, "up") if up else [],
    )


def native_answer(pods: Iterable[Pod], kind: str = "exponential") -> LiveSamples:
    """The answers to all queries for native histograms: exponential or custom."""
    listed = list(pods)
    return LiveSamples(
        histograms=_all(listed, kind),
        errors=_all(listed, "errors"),
    )


def _all(pods: Sequence[Pod], kind: str) -> list[Samples]:
    return [series for pod in pods for series in pod.series(kind)]
