"""Copies of a Deployment, where no user reaches them: of its new template, of last-good's, of an operating point."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from tollgate.manifests.names import (
    BASELINE,
    BUDGET,
    CANDIDATE,
    MANAGED_BY,
    MANAGER,
    REVISION,
    SWEEP,
    Identity,
    baseline_name,
    candidate_name,
    fit,
    point_copy_name,
)
from tollgate.manifests.revision import POD_TEMPLATE_HASH
from tollgate.ports import Object

_KEPT = ("strategy", "minReadySeconds", "progressDeadlineSeconds")


def candidate(
    target: Object, budget: Identity, *, revision: str, replicas: int, join_labels: Mapping[str, str]
) -> Object:
    """The Deployment `X-candidate` of target X, owned by the budget.

    Its pods lack `join_labels`, by which Services would find them, and have a selector of their own, so that
    neither X nor its Services ever count them in. It carries no label that the latch acts on.
    """
    name = target["metadata"]["name"]
    template = target["spec"]["template"]
    return _copy(
        target,
        template,
        budget,
        candidate_name(name),
        {CANDIDATE: fit(name)},
        {BUDGET: fit(budget.name), REVISION: revision},
        replicas,
        join_labels,
    )


def baseline(
    target: Object,
    last_good: Object,
    budget: Identity,
    *,
    revision: str,
    replicas: int,
    join_labels: Mapping[str, str],
) -> Object:
    """The Deployment `X-baseline`: the same of the template that X's ReplicaSet `last_good` has."""
    name = target["metadata"]["name"]
    template = last_good["spec"]["template"]
    labels = {BUDGET: fit(budget.name), REVISION: revision}
    return _copy(
        target, template, budget, baseline_name(name), {BASELINE: fit(name)}, labels, replicas, join_labels
    )


def operating_point(
    target: Object,
    sweep: Identity,
    *,
    number: int,
    environment: Mapping[str, str],
    port: int,
    replicas: int,
    join_labels: Mapping[str, str],
) -> Object:
    """The copy of target X on which a sweep measures the points of an environment, owned by its Benchmark.

    The variables are those of the container that has the port, else of the first.
    """
    template = deepcopy(target["spec"]["template"])
    containers = template["spec"]["containers"]
    ports = ([p.get("containerPort") for p in c.get("ports") or ()] for c in containers)
    server = next((c for c, has in zip(containers, ports, strict=True) if port in has), containers[0])
    kept = [variable for variable in server.get("env") or () if variable["name"] not in environment]
    server["env"] = [*kept, *({"name": name, "value": value} for name, value in environment.items())]
    name = point_copy_name(sweep.name, number)
    return _copy(target, template, sweep, name, {SWEEP: name}, {}, replicas, join_labels)


def _copy(
    target: Object,
    template: Object,
    owner: Identity,
    name: str,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
    replicas: int,
    join_labels: Mapping[str, str],
) -> Object:
    spec = target["spec"]
    template = deepcopy(template)
    metadata = template.setdefault("metadata", {})
    left_out = {*join_labels, POD_TEMPLATE_HASH}
    metadata["labels"] = {
        **{key: value for key, value in (metadata.get("labels") or {}).items() if key not in left_out},
        **selector,
        **{key: value for key, value in labels.items() if key == REVISION},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {MANAGED_BY: MANAGER, **labels, **selector},
            "ownerReferences": [owner.owner_reference()],
        },
        "spec": {
            **{key: deepcopy(spec[key]) for key in _KEPT if key in spec},
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": dict(selector)},
            "template": template,
        },
    }
