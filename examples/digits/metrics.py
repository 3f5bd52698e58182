"""The series that the server exports to Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, Summary

LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0)
"""Seconds. The limits of the example's budget, 80 ms and 250 ms, are bounds, so that counts at them are exact."""


class Metrics:
    """One server's series, in a registry of its own (two servers can live in one test process)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # process_cpu_seconds_total, process_resident_memory_bytes
        self.duration = Histogram(
            "digits_request_duration_seconds",
            "From the arrival of a well-formed request to its answer, waiting for the worker included.",
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.requests = self._counter("digits_requests", "Well-formed requests, as many as were timed.")
        self.errors = self._counter("digits_errors", "Well-formed requests that the server failed to answer.")
        self.client_errors = self._counter("digits_client_errors", "Requests refused for what they held.")
        self.exits = Counter(
            "digits_exits", "Images by the stage that answered.", ["stage"], registry=self.registry
        )
        for stage in ("1", "2"):
            self.exits.labels(stage)
        self.exit_stage = Summary(
            "digits_exit_stage", "Stage that answered an image.", registry=self.registry
        )
        self.learned = self._counter("digits_learned", "Labelled images that entered the online memory.")
        self.memory_rows = Gauge(
            "digits_memory_rows", "Known images that stage 2 compares with.", registry=self.registry
        )
        self.exit_threshold = Gauge(
            "digits_exit_threshold",
            "Confidence from which stage 1 answers by itself.",
            registry=self.registry,
        )

    def _counter(self, name: str, help_text: str) -> Counter:
        return Counter(name, help_text, registry=self.registry)
