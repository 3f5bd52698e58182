"""The Benchmarks that the operator makes: of a candidate, and of an operating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tollgate.api.base import API_VERSION, NameRef, WorkloadRef
from tollgate.api.benchmark import BenchmarkSpec
from tollgate.api.counting import Counting
from tollgate.api.sweep import Point
from tollgate.manifests.names import BUDGET, MANAGED_BY, MANAGER, REVISION, SWEEP, Identity, fit, point_name
from tollgate.ports import Object


def point_benchmark(
    sweep: Identity,
    *,
    number: int,
    profile: str,
    target: str,
    limits: Sequence[str],
    point: Point,
    revision: str,
    counting: Counting | None = None,
    metrics: NameRef | None = None,
) -> Object:
    """The Benchmark of an operating point, on the Deployment `target`, owned by the Benchmark of the sweep."""
    spec = BenchmarkSpec(
        profile_ref=NameRef(name=profile),
        target=WorkloadRef(name=target),
        limits=list(limits),
        counting=counting,
        point=point,
        revision=revision,
        metrics_ref=metrics,
    )
    labels = {SWEEP: fit(sweep.name), REVISION: revision}
    return _benchmark(sweep, point_name(sweep.name, number), labels, spec)


def benchmark(
    budget: Identity,
    *,
    name: str,
    profile: str,
    target: str,
    limits: Sequence[str],
    revision: str,
    counting: Counting | None = None,
    baseline: str = "",
    repetition: int = 0,
    metrics: str = "",
) -> Object:
    """A Benchmark of the Deployment `target`, owned by the budget, in turn with the Deployment `baseline` if any.

    `limits` are durations such as 250ms; `metrics` is the MetricProfile of what the server uses.
    """
    spec = BenchmarkSpec(
        profile_ref=NameRef(name=profile),
        target=WorkloadRef(name=target),
        limits=list(limits),
        counting=counting,
        revision=revision,
        baseline=WorkloadRef(name=baseline) if baseline else None,
        repetition=repetition,
        metrics_ref=NameRef(name=metrics) if metrics else None,
    )
    return _benchmark(budget, name, {BUDGET: fit(budget.name), REVISION: revision}, spec)


def _benchmark(owner: Identity, name: str, labels: Mapping[str, str], spec: BenchmarkSpec) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {MANAGED_BY: MANAGER, **labels},
            "ownerReferences": [owner.owner_reference()],
        },
        "spec": spec.dump(),
    }
