"""Copies of the governed Deployment, where no user reaches them: of its new template, and of last-good's beside it."""

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
    Identity,
    baseline_name,
    candidate_name,
    fit,
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
        revision,
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
    return _copy(
        target, template, budget, baseline_name(name), {BASELINE: fit(name)}, revision, replicas, join_labels
    )


def _copy(
    target: Object,
    template: Object,
    budget: Identity,
    name: str,
    selector: Mapping[str, str],
    revision: str,
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
        REVISION: revision,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": budget.namespace,
            "labels": {MANAGED_BY: MANAGER, BUDGET: fit(budget.name), **selector, REVISION: revision},
            "ownerReferences": [budget.owner_reference()],
        },
        "spec": {
            **{key: deepcopy(spec[key]) for key in _KEPT if key in spec},
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": dict(selector)},
            "template": template,
        },
    }
