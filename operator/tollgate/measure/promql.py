"""PromQL text for raw samples, built from a validated profile.

Range selectors only: evaluated at an instant they return the samples themselves, where rate() and increase() would
extrapolate. Every selector carries the namespace, and values are escaped, so that no name can widen a query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tollgate.api.profiles import MetricProfileSpec
from tollgate.api.series import Meter, MetricLabels, Series
from tollgate.measure.counters import STALE_SCRAPES

_RE2_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_GENERATED_NAME_PREFIX = 58
"""The API server cuts a generated name's prefix so that it and five random characters make 63."""


@dataclass(frozen=True)
class PodNames:
    """Pods by their exact names; at least one."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a selector of no pods would be a query without an answer: do not ask")

    @property
    def pattern(self) -> str:
        """The anchored regular expression that matches them and nothing else."""
        return f"^(?:{'|'.join(regex_escape(name) for name in sorted(set(self.names)))})$"


@dataclass(frozen=True)
class OwnedBy:
    """The pods of a ReplicaSet, past ones included, by the names that the API server generates for them."""

    replica_set: str

    @property
    def pattern(self) -> str:
        """The anchored regular expression of their names."""
        return f"^{regex_escape((self.replica_set + '-')[:_GENERATED_NAME_PREFIX])}[a-z0-9]{{5}}$"


PodSelector = PodNames | OwnedBy


@dataclass(frozen=True)
class LiveQueries:
    """The queries of one window; None where the profile has no such series.

    A classic histogram is three series (`buckets`, `counts`, `sums`), a native one is a series of its own
    (`histograms`). `up` is what Prometheus itself writes at each scrape of a pod: 1 when it succeeded.
    """

    buckets: str | None
    counts: str | None
    sums: str | None
    histograms: str | None
    requests: str | None
    errors: str | None
    up: str


def live_queries(profile: MetricProfileSpec, namespace: str, pods: PodSelector, seconds: int) -> LiveQueries:
    """All queries of one window of `seconds` before the instant at which they are asked."""

    def query(series: Series, suffix: str = "") -> str:
        return range_query(profile.labels, series, suffix, namespace, pods, seconds)

    native = profile.latency.type == "Native"
    return LiveQueries(
        buckets=None if native else query(profile.latency, "_bucket"),
        counts=None if native else query(profile.latency, "_count"),
        sums=None if native else query(profile.latency, "_sum"),
        histograms=query(profile.latency) if native else None,
        requests=query(profile.requests) if profile.requests else None,
        errors=query(profile.errors) if profile.errors else None,
        up=query(Series(series="up")),
    )


def meter_query(
    profile: MetricProfileSpec, meter: Meter, namespace: str, pods: PodSelector, seconds: int
) -> str:
    """The query of what pods used in the `seconds` before the instant at which it is asked."""
    return range_query(meter.labels or profile.labels, meter, "", namespace, pods, seconds)


def range_query(
    labels: MetricLabels, series: Series, suffix: str, namespace: str, pods: PodSelector, seconds: int
) -> str:
    """A range selector of one series for some pods of one namespace."""
    matchers = [
        f"{labels.namespace}={string(namespace)}",
        f"{labels.pod}=~{string(pods.pattern)}",
        *(f"{matcher.label}{matcher.operator}{string(matcher.value)}" for matcher in series.matchers),
    ]
    return f"{series.series}{suffix}{{{','.join(matchers)}}}[{seconds}s]"


def window_seconds(profile: MetricProfileSpec, since: float, until: float) -> int:
    """The range that a query at `until` needs to hold the window after `since` (Unix seconds) and its base."""
    return math.ceil(until - since) + STALE_SCRAPES * profile.scrape_interval_seconds


def string(value: str) -> str:
    """A PromQL string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def regex_escape(text: str) -> str:
    """A regular expression (RE2) that matches just this text."""
    return "".join("\\" + char if char in _RE2_SPECIAL else char for char in text)
