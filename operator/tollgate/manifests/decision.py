"""The record of a decision. It has no owner: records outlive the budget they came from."""

from __future__ import annotations

from tollgate.api.base import API_VERSION
from tollgate.manifests.names import ACTION, BUDGET, MANAGED_BY, MANAGER, TARGET, fit
from tollgate.ports import Object


def decision(spec: Object, *, name: str, namespace: str) -> Object:
    """The EfficiencyDecision of that name, labelled by budget, target and action; its spec is not touched."""
    return {
        "apiVersion": API_VERSION,
        "kind": "EfficiencyDecision",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                MANAGED_BY: MANAGER,
                BUDGET: fit(spec["budget"]["name"]),
                TARGET: fit(spec["target"]["name"]),
                ACTION: spec["action"],
            },
        },
        "spec": spec,
    }
