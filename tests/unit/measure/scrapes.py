"""A fake model server with a classic histogram and an error counter, scraped when a test says so."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tollgate.api.profiles import MetricProfileSpec
from tollgate.measure.live import LiveSamples
from tollgate.ports import Samples

EDGES = (0.1, 0.25, 1.0)

PROFILE = MetricProfileSpec.model_validate(
    {
        "scrapeIntervalSeconds": 10,
        "latency": {"series": "request_seconds"},
        "errors": {"series": "errors_total"},
    }
)


class Pod:
    """Counters of one process and what every scrape saw of them."""

    def __init__(
        self, name: str, edges: Sequence[float] = EDGES, labels: Mapping[str, str] | None = None
    ) -> None:
        self.labels = {"namespace": "vision", "pod": name, "instance": f"{name}:8000", **(labels or {})}
        self._edges = (*edges, math.inf)
        self._seen: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self.restart()

    def restart(self) -> None:
        """All counters begin at zero again."""
        self._buckets = dict.fromkeys(self._edges, 0)
        self._count, self._sum, self._errors = 0, 0.0, 0

    def serve(self, latencies: Iterable[float], errors: int = 0) -> None:
        """Answer requests of these latencies, in seconds."""
        for latency in latencies:
            self._count += 1
            self._sum += latency
            for edge in self._edges:
                self._buckets[edge] += latency <= edge
        self._errors += errors

    def scrape(self, at: float) -> None:
        """All series get a sample at that instant."""
        for edge, value in self._buckets.items():
            self._seen["bucket", "+Inf" if math.isinf(edge) else str(edge)].append((at, float(value)))
        self._seen["count", ""].append((at, float(self._count)))
        self._seen["sum", ""].append((at, self._sum))
        self._seen["errors", ""].append((at, float(self._errors)))

    def series(self, kind: str) -> list[Samples]:
        """What Prometheus would hold of a kind: bucket, count, sum or errors."""
        return [
            Samples({**self.labels, **({"le": le} if le else {})}, tuple(points))
            for (what, le), points in self._seen.items()
            if what == kind
        ]


def answer(pods: Iterable[Pod], *, errors: bool = True) -> LiveSamples:
    """The answers to all queries; `errors=False` as if no pod exported the error counter."""
    listed = list(pods)

    def all_of(kind: str) -> list[Samples]:
        return [series for pod in listed for series in pod.series(kind)]

    return LiveSamples(
        all_of("bucket"), all_of("count"), all_of("sum"), None, all_of("errors") if errors else []
    )
