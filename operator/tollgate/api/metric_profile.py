"""`MetricProfile`: where a model server's metrics are, cluster-wide.

Series names live here, so that a tenant's namespaced object never carries them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tollgate.api.base import Keyed, Model, Rule, checked
from tollgate.api.dimension import SERIES_OF_TIMES, Dimension
from tollgate.api.series import Matcher, MetricLabels, Series, ServerSeries

NAMESPACE, TARGET = "${namespace}", "${target}"
"""Placeholders in the matchers of a Service: the budget's namespace, and the name of its target."""

_NEEDS_COUNT = (
    "CounterMean takes count, the counter of what the cumulative sum is of; the other types have none"
)
_NEEDS_MATCHERS = (
    f"scope Service takes serviceMatchers, one with {NAMESPACE} and one with {TARGET} in its value, each with the "
    "operator = or =~; scope Pod has none"
)


class LatencyType(StrEnum):
    """How latencies are exported."""

    CLASSIC = "Classic"
    NATIVE = "Native"
    SUMMARY = "Summary"
    COUNTER_MEAN = "CounterMean"

    @property
    def has_buckets(self) -> bool:
        """Whether slow requests are counted, and not only their mean known."""
        return self in (LatencyType.CLASSIC, LatencyType.NATIVE)


class LatencySeries(Series):
    """Where latencies are: a histogram, or what gives their mean only."""

    model_config = checked(
        Rule("(has(self.type) && self.type == 'CounterMean') == has(self.count)", _NEEDS_COUNT)
    )

    type: LatencyType = Field(
        LatencyType.CLASSIC,
        description="How they are exported. Classic: a histogram as series with le buckets, a _count and a _sum. "
        "Native: one series of native histograms, exponential or with custom buckets (as "
        "convert_classic_histograms_to_nhcb makes them). Summary: _count and _sum, whose quantiles cannot be added up "
        "over pods. CounterMean: a cumulative sum, and its count as a series of its own. The last two give a mean: a "
        "percentile is judged by the benchmark alone.",
    )
    unit: Literal["s", "ms", "us"] = Field("s", description="Unit of the latencies.")
    count: Series | None = Field(
        None,
        description="CounterMean only: counter of the requests that the sum is of, with the same labels.",
    )

    @model_validator(mode="after")
    def _has_its_count(self) -> LatencySeries:
        if (self.type is LatencyType.COUNTER_MEAN) != (self.count is not None):
            raise ValueError(_NEEDS_COUNT)
        return self

    @property
    def scale(self) -> float:
        """Seconds per unit."""
        return {"s": 1.0, "ms": 1e-3, "us": 1e-6}[self.unit]


class InputName(StrEnum):
    """What inputs may be told apart by."""

    INPUT_TOKENS = "InputTokens"
    OUTPUT_TOKENS = "OutputTokens"
    EXIT_STAGE = "ExitStage"


class InputSeries(LatencySeries):
    """A histogram, a summary or two counters of what a request was like, of which the mean is read."""

    name: InputName = Field(
        description="What it is: InputTokens and OutputTokens of a request, or the ExitStage of an answer."
    )


class Scope(StrEnum):
    """What a series is of."""

    POD = "Pod"
    SERVICE = "Service"


def _cel_names(placeholder: str) -> str:
    written = f"m.value.contains('{placeholder}') && (!has(m.operator) || m.operator in ['=', '=~'])"
    return f"self.serviceMatchers.exists(m, {written})"


class MetricProfileSpec(Model):
    """Where a server's metrics are."""

    model_config = checked(
        Rule(
            "has(self.scope) && self.scope == 'Service' ? has(self.serviceMatchers) && "
            f"{_cel_names(NAMESPACE)} && {_cel_names(TARGET)} : "
            "!has(self.serviceMatchers) || self.serviceMatchers.size() == 0",
            _NEEDS_MATCHERS,
        )
    )

    scope: Scope = Field(
        Scope.POD,
        description="Pod: each series says which pod it is of. Service: the series are those of an ingress or gateway, "
        "which tell a Service from others and not the pods behind it. A canary is then not judged by them, as its "
        "requests cannot be told from those of the stable version, nor is Cost: what serves is, once it serves alone.",
    )
    service_matchers: Annotated[list[Matcher], Field(max_length=8)] = Field(
        default_factory=list,
        description="Scope Service only: matchers that every query of live traffic carries instead of namespace and "
        f"pod. In their values {NAMESPACE} and {TARGET} stand for the budget's namespace and the name of its target.",
    )
    labels: MetricLabels = Field(
        default_factory=MetricLabels, description="Labels that say where a sample is from."
    )
    scrape_interval_seconds: int = Field(
        30,
        ge=1,
        le=600,
        description="How often Prometheus scrapes the server; a series silent for five intervals is stale.",
    )
    latency: LatencySeries = Field(description="Latencies of requests.")
    time_to_first_token: LatencySeries | None = Field(
        None,
        description="Times to the first token, by which TimeToFirstToken is judged in live traffic, too.",
    )
    time_per_output_token: LatencySeries | None = Field(
        None,
        description="Of each request, its time per token after the first, by which TimePerOutputToken is judged in "
        "live traffic, too.",
    )
    inter_token_latency: LatencySeries | None = Field(
        None,
        description="Times from one token to the next, one for each token, by which InterTokenLatency is judged in "
        "live traffic, too.",
    )
    queue_time: LatencySeries | None = Field(
        None, description="How long requests waited before the server began with them: QueueTime."
    )
    inputs: Annotated[list[InputSeries], Field(max_length=3), Keyed("name")] = Field(
        default_factory=list,
        description="What requests were like, on average: drift is told from other inputs by it. The unit of these "
        "series is left out.",
    )
    requests: Series | None = Field(
        None, description="Counter of requests. Default: the count of the latencies."
    )
    errors: Series | None = Field(
        None, description="Counter of failed requests; without it a budget cannot limit ErrorRate live."
    )
    server: ServerSeries | None = Field(
        None,
        description="What a server uses: memory, CPU, GPU, energy, KV cache and FLOPs. Read for benchmarks, of the "
        "loaded pods, whatever the scope.",
    )

    def times_of(self, dimension: Dimension) -> LatencySeries | None:
        """The series of a dimension that has one of its own beside the latencies; None where there is none."""
        fields = {
            Dimension.TIME_TO_FIRST_TOKEN: self.time_to_first_token,
            Dimension.TIME_PER_OUTPUT_TOKEN: self.time_per_output_token,
            Dimension.INTER_TOKEN_LATENCY: self.inter_token_latency,
            Dimension.QUEUE_TIME: self.queue_time,
        }
        return fields.get(dimension)

    @property
    def timed(self) -> tuple[Dimension, ...]:
        """The dimensions of which it has such a series."""
        return tuple(d for d in SERIES_OF_TIMES if self.times_of(d) is not None)

    def only_of(self, dimension: Dimension) -> MetricProfileSpec:
        """The profile with these times in the place of the latencies, and nothing else that is counted."""
        series = self.times_of(dimension)
        assert series is not None  # asked only of what it has
        return self.with_latency(series)

    def with_latency(self, series: LatencySeries) -> MetricProfileSpec:
        """The profile with this series in the place of the latencies, and nothing else that is counted."""
        return self.model_copy(update={"latency": series, "requests": None, "errors": None})

    @model_validator(mode="after")
    def _fits_its_scope(self) -> MetricProfileSpec:
        fitting = [m.value for m in self.service_matchers if m.operator in ("=", "=~")]
        named = all(any(one in value for value in fitting) for one in (NAMESPACE, TARGET))
        if not (named if self.scope is Scope.SERVICE else not self.service_matchers):
            raise ValueError(_NEEDS_MATCHERS)
        return self


class MetricProfile(Model):
    """Where a model server's metrics are: series, units, labels. Owned by admins."""

    spec: MetricProfileSpec = Field(description="Where a server's metrics are.")
