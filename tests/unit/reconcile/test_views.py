"""The API server's JSON as plain values."""

from __future__ import annotations

from typing import Any

import pytest

from tollgate.reconcile import views


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "m"}}, "spec": {"containers": [{"name": "m", "image": "m:1"}]}}
    return {
        "metadata": {"name": "m", "uid": "u1", "generation": 3, "labels": {}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "m"}}, "template": template} | spec,
        "status": {
            "observedGeneration": 3,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        },
    }


def test_a_complete_roll_out() -> None:
    assert views.target_view(deployment(), []).rolled_out


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3},
        {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
        {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
    ],
)
def test_an_incomplete_roll_out(status: dict[str, int]) -> None:
    assert not views.target_view(deployment() | {"status": status}, []).rolled_out


@pytest.mark.parametrize(
    ("value", "replicas", "expected"), [("25%", 10, 2), ("25%", 1, 1), (3, 10, 3), (0, 10, 1)]
)
def test_max_unavailable_is_at_least_one_pod(value: int | str, replicas: int, expected: int) -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": value}}
    assert views.target_view(deployment(replicas=replicas, strategy=strategy), []).max_unavailable == expected


def managed(manager: str, operation: str) -> dict[str, Any]:
    obj = deployment(paused=True)
    fields = {"f:spec": {"f:paused": {}}}
    obj["metadata"]["managedFields"] = [{"manager": manager, "operation": operation, "fieldsV1": fields}]
    return obj


@pytest.mark.parametrize(
    ("manager", "operation", "owner"),
    [("argocd", "Apply", "argocd"), ("tollgate", "Apply", ""), ("kubectl-edit", "Update", "")],
)
def test_an_applier_that_owns_the_latch_is_named(manager: str, operation: str, owner: str) -> None:
    assert views.pause_owner(managed(manager, operation)) == owner


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({}, ""),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes",
                    }
                ]
            },
            "Unschedulable: 0/3 nodes",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "m", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no m:2"}}}
                ]
            },
            "m: ImagePullBackOff no m:2",
        ),
        ({"containerStatuses": [{"name": "m", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        (
            {"containerStatuses": [{"name": "m", "state": {"terminated": {"reason": "OOMKilled"}}}]},
            "m: OOMKilled",
        ),
    ],
)
def test_why_a_pod_is_not_ready(status: dict[str, Any], problem: str) -> None:
    assert views.pod_problem({"metadata": {}, "status": status}) == problem


def test_a_pod_on_its_way_out_is_not_ready() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert views.ready({"metadata": {}, "status": ready})
    assert not views.ready({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": ready})


def test_only_a_replica_set_of_this_very_deployment_is_its_own() -> None:
    def owned_by(uid: str) -> dict[str, Any]:
        return {"metadata": {"ownerReferences": [{"uid": uid, "controller": True}]}}

    assert views.owns(deployment(), owned_by("u1"))
    assert not views.owns(deployment(), owned_by("of-an-older-one"))
