"""The operator's own metrics, in a registry of its own.

How budgets and releases are is read from what the watch delivered, at the time of the scrape: so it survives
restarts and leadership, and nothing has to be reported twice.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from tollgate.ports import DECISION, Kind, Object
from tollgate.reconcile.key import Key
from tollgate.runtime.view import BudgetView

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_WITHIN = {"True": 1.0, "False": 0.0}


class Instruments:
    """Everything that is counted. Its methods are the observers that the other parts take."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self._registry = CollectorRegistry()
        self._reconciles = Counter(
            "tollgate_reconcile", "Keys worked.", ["controller", "result"], registry=registry
        )
        self._reconcile_seconds = Histogram(
            "tollgate_reconcile_seconds",
            "Time that working a key took.",
            ["controller"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._queue_wait = Histogram(
            "tollgate_queue_wait_seconds",
            "Time that a due key waited for a worker.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._queue_depth = Gauge(
            "tollgate_queue_depth", "Due keys that wait for a worker.", registry=registry
        )
        self._api_calls = Counter(
            "tollgate_api_requests",
            "Calls of the Kubernetes API.",
            ["verb", "kind", "status"],
            registry=registry,
        )
        self._queries = Counter(
            "tollgate_metrics_queries", "Queries of Prometheus.", ["result"], registry=registry
        )
        self._decisions = Counter("tollgate_decisions", "Decisions recorded.", ["action"], registry=registry)
        self._watch_event = Gauge(
            "tollgate_last_watch_event_timestamp_seconds",
            "When the watch last delivered an object of the kind.",
            ["kind"],
            registry=registry,
        )
        self._leader = Gauge("tollgate_leader", "1 while this process acts.", registry=registry)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def reconciled(self, key: Key, result: str, seconds: float, waited: float) -> None:
        """See queue.Gauges."""
        self._reconciles.labels(key.controller, result).inc()
        self._reconcile_seconds.labels(key.controller).observe(seconds)
        self._queue_wait.observe(waited)

    def depth(self, due: int) -> None:
        """See queue.Gauges."""
        self._queue_depth.set(due)

    def api_call(self, verb: str, kind: str, status: int, answer: Object) -> None:
        """An observer for KubernetesCluster. Counts decisions by the records that the API server took."""
        self._api_calls.labels(verb, kind, str(status)).inc()
        if (verb, kind, status) == ("create", DECISION.kind, 201):
            self._decisions.labels(answer["spec"]["action"]).inc()

    def query(self, result: str) -> None:
        """An observer for PrometheusMetrics."""
        self._queries.labels(result).inc()

    def watch_event(self, kind: Kind) -> None:
        """An observer for Feed."""
        self._watch_event.labels(kind.kind).set(time.time())

    def show_leading(self, seconds_left: Callable[[], float]) -> None:
        """Show this process as leading while there are seconds left."""
        self._leader.set_function(lambda: float(seconds_left() > 0))

    def show_budgets(self, budgets: Mapping[Key, BudgetView]) -> None:
        """Show these budgets, as they are at each scrape."""
        self._registry.register(_BudgetCollector(budgets))

    def expose(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)


class _BudgetCollector(Collector):
    """One series a budget, and one a release in progress: bounded by what is declared."""

    def __init__(self, budgets: Mapping[Key, BudgetView]) -> None:
        self._budgets = budgets

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        within = GaugeMetricFamily(
            "tollgate_within_budget",
            "1 within, 0 in breach; absent while unknown.",
            labels=["namespace", "budget"],
        )
        stages = GaugeMetricFamily(
            "tollgate_release_stage",
            "1 for the stage of the release in progress.",
            labels=["namespace", "budget", "stage"],
        )
        verdicts = GaugeMetricFamily(
            "tollgate_verdicts", "Objectives by their verdict on what serves.", labels=["verdict"]
        )
        tally: Tally[str] = Tally()
        for key, view in self._budgets.items():
            tally.update(view.verdicts)
            if view.within in _WITHIN:
                within.add_metric([key.namespace, key.name], _WITHIN[view.within])
            if view.stage:
                stages.add_metric([key.namespace, key.name, view.stage], 1.0)
        for verdict, count in tally.items():
            verdicts.add_metric([verdict], count)
        return within, stages, verdicts
