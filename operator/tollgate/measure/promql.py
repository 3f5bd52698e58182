"""PromQL text for raw samples, built from a validated profile.

Range selectors only: evaluated at an instant they return the samples themselves, where rate() and increase() would
extrapolate. Every selector of what a tenant is told carries the namespace, and values are escaped, so that no name can
widen a query.
Names of one series are asked for together; `measure.aliases` says which of them count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tollgate.api.metric_profile import NAMESPACE, TARGET, LatencyType, MetricProfileSpec
from tollgate.api.series import Matcher, Meter, MetricLabels, Series
from tollgate.measure.counters import STALE_SCRAPES
from tollgate.measure.sharing import GPU

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
        return one_of(sorted(set(self.names)))


@dataclass(frozen=True)
class OwnedBy:
    """The pods of a ReplicaSet, past ones included, by the names that the API server generates for them."""

    replica_set: str

    @property
    def pattern(self) -> str:
        """The anchored regular expression of their names."""
        return f"^{regex_escape((self.replica_set + '-')[:_GENERATED_NAME_PREFIX])}[a-z0-9]{{5}}$"


@dataclass(frozen=True)
class PodsLike:
    """The pods whose whole names match a regular expression (RE2)."""

    expression: str

    @property
    def pattern(self) -> str:
        """The anchored regular expression of their names."""
        return f"^(?:{self.expression})$"


PodSelector = PodNames | OwnedBy | PodsLike


@dataclass(frozen=True)
class BehindService:
    """Whatever pods serve a target, by series that do not tell them apart."""

    target: str


Selector = PodSelector | BehindService


@dataclass(frozen=True)
class LiveQueries:
    """The queries of one window; None where the profile has no such series.

    A classic histogram is three series (`buckets`, `counts`, `sums`), a native one is a series of its own
    (`histograms`); what gives a mean only has no buckets. `up` is what Prometheus itself writes at each scrape of a
    pod: 1 when it succeeded.
    """

    buckets: str | None
    counts: str | None
    sums: str | None
    histograms: str | None
    requests: str | None
    errors: str | None
    up: str | None


def live_queries(profile: MetricProfileSpec, namespace: str, pods: Selector, seconds: int) -> LiveQueries:
    """All queries of one window of `seconds` before the instant at which they are asked."""
    latency = profile.latency
    if isinstance(pods, BehindService):
        place = [_filled(matcher, namespace, pods.target) for matcher in profile.service_matchers]
    else:
        place = _of_pods(profile.labels, namespace, pods)

    def query(series: Series | None, suffix: str = "") -> str | None:
        return None if series is None else _range_selector(series, suffix, place, seconds)

    native, in_parts = latency.type is LatencyType.NATIVE, latency.type is not LatencyType.COUNTER_MEAN
    return LiveQueries(
        buckets=query(latency, "_bucket") if latency.type is LatencyType.CLASSIC else None,
        counts=None if native else query(latency, "_count") if in_parts else query(latency.count),
        sums=None if native else query(latency, "_sum" if in_parts else ""),
        histograms=query(latency) if native else None,
        requests=query(profile.requests),
        errors=query(profile.errors),
        up=None if isinstance(pods, BehindService) else query(Series(series="up")),
    )


def meter_query(
    profile: MetricProfileSpec, meter: Meter, namespace: str, pods: PodSelector, seconds: int
) -> str:
    """The query of what pods used in the `seconds` before the instant at which it is asked."""
    return _range_selector(meter, "", _of_pods(meter.labels or profile.labels, namespace, pods), seconds)


def holders_query(meter: Meter, gpus: Sequence[str], seconds: int) -> str:
    """The query of a meter for all who hold parts of some GPUs, of whatever namespace: they are counted, not shown."""
    place = [Matcher.model_construct(label=GPU, operator="=~", value=one_of(gpus))]
    return _range_selector(meter, "", place, seconds)


def _of_pods(labels: MetricLabels, namespace: str, pods: PodSelector) -> list[Matcher]:
    return [
        Matcher.model_construct(label=labels.namespace, value=namespace),
        Matcher.model_construct(label=labels.pod, operator="=~", value=pods.pattern),
    ]


def _filled(matcher: Matcher, namespace: str, target: str) -> Matcher:
    """The matcher with names in the place of its placeholders, which match just these."""
    value = matcher.value
    for placeholder, name in ((NAMESPACE, namespace), (TARGET, target)):
        value = value.replace(placeholder, regex_escape(name) if "~" in matcher.operator else name)
    return matcher.model_copy(update={"value": value})


def _range_selector(series: Series, suffix: str, place: Sequence[Matcher], seconds: int) -> str:
    """A range selector of one series, under all of its names."""
    name, *others = (f"{name}{suffix}" for name in series.names)
    matchers = [*place, *series.matchers]
    if others:
        pattern = one_of((name, *others))
        matchers.insert(0, Matcher.model_construct(label="__name__", operator="=~", value=pattern))
        name = ""
    written = ",".join(f"{one.label}{one.operator}{string(one.value)}" for one in matchers)
    return f"{name}{{{written}}}[{seconds}s]"


def window_seconds(profile: MetricProfileSpec, since: float, until: float) -> int:
    """The range that a query at `until` needs to hold the window after `since` (Unix seconds) and its base."""
    return math.ceil(until - since) + STALE_SCRAPES * profile.scrape_interval_seconds


def string(value: str) -> str:
    """A PromQL string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def one_of(texts: Iterable[str]) -> str:
    """The anchored regular expression that matches these texts and nothing else."""
    return f"^(?:{'|'.join(map(regex_escape, texts))})$"


def regex_escape(text: str) -> str:
    """A regular expression (RE2) that matches just this text."""
    return "".join("\\" + char if char in _RE2_SPECIAL else char for char in text)
