"""The candidate: a copy of the governed Deployment that runs its new template where no user reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from tollgate.manifests.names import (
    BUDGET,
    CANDIDATE,
    MANAGED_BY,
    MANAGER,
    REVISION,
    Identity,
    candidate_name,
    fit,
)
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
    spec = target["spec"]
    selector = {CANDIDATE: fit(name)}
    template = deepcopy(spec["template"])
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {
        **{key: value for key, value in (metadata.get("labels") or {}).items() if key not in join_labels},
        **selector,
        REVISION: revision,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": candidate_name(name),
            "namespace": budget.namespace,
            "labels": {MANAGED_BY: MANAGER, BUDGET: fit(budget.name), **selector, REVISION: revision},
            "ownerReferences": [budget.owner_reference()],
        },
        "spec": {
            **{key: deepcopy(spec[key]) for key in _KEPT if key in spec},
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": selector},
            "template": template,
        },
    }
