"""The Benchmark of a candidate."""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api.base import API_VERSION, NameRef, WorkloadRef
from tollgate.api.benchmark import BenchmarkSpec
from tollgate.manifests.names import BUDGET, MANAGED_BY, MANAGER, REVISION, Identity, fit
from tollgate.ports import Object


def benchmark(
    budget: Identity,
    *,
    name: str,
    profile: str,
    target: str,
    limits: Sequence[str],
    revision: str,
    baseline: str = "",
    repetition: int = 0,
) -> Object:
    """A Benchmark of the Deployment `target`, owned by the budget, in turn with the Deployment `baseline` if any.

    `limits` are durations such as 250ms.
    """
    spec = BenchmarkSpec(
        profile_ref=NameRef(name=profile),
        target=WorkloadRef(name=target),
        limits=list(limits),
        revision=revision,
        baseline=WorkloadRef(name=baseline) if baseline else None,
        repetition=repetition,
    )
    return {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {
            "name": name,
            "namespace": budget.namespace,
            "labels": {MANAGED_BY: MANAGER, BUDGET: fit(budget.name), REVISION: revision},
            "ownerReferences": [budget.owner_reference()],
        },
        "spec": spec.dump(),
    }
