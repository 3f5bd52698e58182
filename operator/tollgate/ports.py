"""What the reconciler needs of the world, as Protocols. Adapters implement them; unit tests fake them.

Objects are the API server's own JSON, as dicts. Nothing here may import a client library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Object = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A resource type of the API server."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
POD = Kind("v1", "Pod", "pods")
NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
JOB = Kind("batch/v1", "Job", "jobs")
BUDGET = Kind("tollgate.dev/v1alpha1", "EfficiencyBudget", "efficiencybudgets")
BENCHMARK = Kind("tollgate.dev/v1alpha1", "Benchmark", "benchmarks")
BENCHMARK_PROFILE = Kind("tollgate.dev/v1alpha1", "BenchmarkProfile", "benchmarkprofiles", namespaced=False)
METRIC_PROFILE = Kind("tollgate.dev/v1alpha1", "MetricProfile", "metricprofiles", namespaced=False)
DECISION = Kind("tollgate.dev/v1alpha1", "EfficiencyDecision", "efficiencydecisions")
SIGN_OFF = Kind("tollgate.dev/v1alpha1", "EfficiencySignOff", "efficiencysignoffs")
MUTATING_POLICY = Kind(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    namespaced=False,
)
MUTATING_BINDING = Kind(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    namespaced=False,
)


class Cluster(Protocol):
    """The Kubernetes API. Every call has a time-out and raises `errors.ClusterError`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None when it does not exist (404). `namespace` is "" for cluster-scoped kinds."""

    async def list(self, kind: Kind, namespace: str, labels: str = "") -> list[Object]:
        """All objects of a namespace ("" for all namespaces) that match a label selector."""

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create; Conflict when the name is taken. A dry run is checked as any other and then not stored."""

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        uid: str = "",
        resource_version: str = "",
        subresource: Literal["", "status", "scale"] = "",
    ) -> Object:
        """JSON merge patch with field manager `tollgate`. Conflict when uid or resourceVersion differ or it is gone."""

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete with a uid precondition, dependents in the background; gone already is fine."""

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server serves this kind."""


@dataclass(frozen=True)
class Histogram:
    """What a histogram held at an instant, or grew by: how many observations, their sum, and how many of them where.

    `buckets` are (left, right, count), an observation being more than left and at most right; ascending, without
    overlap, and without the empty ones. Observations in no bucket are NaN. An unknown sum is NaN.
    """

    count: float
    sum: float
    buckets: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Samples:
    """Raw samples of one series: labels, and pairs of Unix time in seconds and value, in time order.

    A series of native histograms has them in `histograms`, and no `points`.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]
    histograms: Sequence[tuple[float, Histogram]] = ()


class Metrics(Protocol):
    """Prometheus."""

    async def samples(self, query: str, at: datetime) -> list[Samples]:
        """The matrix a range selector gives at that instant; [] when no series matches. Raises MetricsError."""


class Clock(Protocol):
    """Wall-clock time, in UTC."""

    def now(self) -> datetime:
        """The present, timezone-aware."""


class Events(Protocol):
    """Kubernetes Events, as users read them with kubectl describe."""

    async def publish(
        self, about: Object, type_: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Record an Event about an object; never raises, as an Event is no part of a decision."""


class Webhooks(Protocol):
    """The webhooks of the operator's configuration."""

    @property
    def names(self) -> Collection[str]:
        """What they are called."""

    async def call(self, name: str, body: Object) -> None:
        """POST it as JSON. Raises WebhookError unless it was taken (2xx)."""
