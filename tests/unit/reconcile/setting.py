"""What the fake world is filled with: a served model, its profiles and dataset, and a budget."""

from __future__ import annotations

from typing import Any

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.world import World
from tollgate.ports import Object


def populated(budget_spec: dict[str, Any] | None = None) -> World:
    """A world in which v1 serves, with profiles and a dataset."""
    world = World()
    world.versions["v1"] = Behaviour()
    for name, machine in (("node-1", "m5.xlarge"), ("node-2", "m6i.xlarge")):
        world.put(node(name, machine))
    labels = {"app": "digits", "tier": "model"}
    resources = {"requests": {"cpu": "250m", "memory": "256Mi"}}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "digits", "image": "digits:v1", "resources": resources}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "digits"}}, "template": template}
    world.put(_object("apps/v1", "Deployment", "digits", spec))
    world.put(_object("v1", "Service", "digits", {"selector": {"app": "digits"}}))
    world.put({**_object("v1", "ConfigMap", "digits-dataset", {}), "data": {"dataset.json": "{}"}})
    stages = [
        {"name": "warm-up", "warmUp": True, "rate": "20req/s", "durationSeconds": 5},
        {"name": "steady", "rate": "40req/s", "durationSeconds": 50},
    ]
    dataset = {"configMap": {"name": "digits-dataset", "key": "dataset.json"}}
    bench = {
        "protocol": "OpenInference",
        "port": 8080,
        "model": "digits",
        "dataset": dataset,
        "stages": stages,
    }
    world.put(_object("tollgate.dev/v1alpha1", "BenchmarkProfile", "digits-steady", bench, namespace=""))
    metrics = {
        "scrapeIntervalSeconds": 5,
        "latency": {"series": "digits_request_duration_seconds"},
        "errors": {"series": "digits_errors_total"},
    }
    world.put(_object("tollgate.dev/v1alpha1", "MetricProfile", "digits-server", metrics, namespace=""))
    for kind in ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"):
        world.put(_object("admissionregistration.k8s.io/v1", kind, "latch.tollgate.dev", {}, namespace=""))
    # Kubernetes' plural of "policy" is not "policys".
    policy = world.objects.pop(("mutatingadmissionpolicys", "", "latch.tollgate.dev"))
    world.objects[("mutatingadmissionpolicies", "", "latch.tollgate.dev")] = policy
    for _ in range(3):
        world.tick()
    world.put(_object("tollgate.dev/v1alpha1", "EfficiencyBudget", "digits", budget(**(budget_spec or {}))))
    return world


def node(name: str, machine: str) -> Object:
    """A node of an instance type."""
    labels = {"node.kubernetes.io/instance-type": machine, "kubernetes.io/arch": "amd64"}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"capacity": {"cpu": "4"}}}


def budget(**changes: Any) -> dict[str, Any]:
    """A budget's spec."""
    return {
        "target": {"name": "digits"},
        "owners": [{"role": "SRE", "team": "platform"}],
        "metrics": {"profileRef": {"name": "digits-server"}},
        "confidence": "0.95",
        "objectives": [
            {"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"},
            {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"},
            {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.95"},
        ],
        "benchmark": {"profileRef": {"name": "digits-steady"}},
        "canary": {"steps": [{"share": "50%"}], "maxDurationSeconds": 600},
        "rollback": {"watchSeconds": 300, "maxPerDay": 3},
    } | changes


def _object(
    api_version: str, kind: str, name: str, spec: dict[str, Any], namespace: str = "vision"
) -> Object:
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}
