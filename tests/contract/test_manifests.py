"""What the builders make, on a real API server with its controllers. No image runs: none of this is about pods."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.kubectl import Kubectl
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.manifests import patches
from tollgate.manifests.benchmark_job import JobSettings, benchmark_config_map, benchmark_job
from tollgate.manifests.candidate import baseline, candidate
from tollgate.manifests.names import RELEASED, Identity
from tollgate.ports import BENCHMARK, BUDGET, Object

pytestmark = pytest.mark.cluster

PROFILE = BenchmarkProfileSpec.model_validate(
    {
        "protocol": "JSON",
        "port": 8080,
        "path": "/predict",
        "dataset": {"configMap": {"name": "digits-dataset"}},
        "stages": [{"name": "steady", "rate": "40req/s", "durationSeconds": 25}],
    }
)


def deployment(namespace: str, name: str, image: str) -> Object:
    labels = {"app": name, "tier": "model"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    }


def eventually(what: str, check: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer of `check`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := check():
            return answer
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


def contains(actual: Any, wanted: Any) -> bool:
    """Whether everything that was sent is in what came back; the API server adds defaults."""
    if isinstance(wanted, dict):
        return all(key in actual and contains(actual[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(actual) == len(wanted) and all(map(contains, actual, wanted))
    return bool(actual == wanted)


def test_a_benchmark_job_is_taken_as_it_is(kubectl: Kubectl, namespace: str) -> None:
    owner = Identity(BENCHMARK, namespace, "digits-1", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
    many = PROFILE.model_copy(update={"pods": 4, "workers": 2})
    ca = {"configMap": {"name": "trust"}}
    secured = BenchmarkProfileSpec.model_validate(
        PROFILE.dump()
        | {"bearerToken": {"name": "model-key"}, "tls": {"ca": ca, "serverName": "digits.vision.svc"}}
    )
    for obj in (
        benchmark_config_map(owner, {"limits": ["250ms"]}),
        benchmark_job(owner, PROFILE, JobSettings("tollgate.dev/operator:dev")),
        benchmark_job(owner, many, JobSettings("tollgate.dev/operator:dev")),
        benchmark_job(owner, secured, JobSettings("tollgate.dev/operator:dev")),
    ):
        taken = json.loads(kubectl("create", "--dry-run=server", "-o", "json", objects=[obj]))
        assert contains(taken, obj)


def test_a_benchmark_pod_meets_the_restricted_standard(kubectl: Kubectl, namespace: str) -> None:
    owner = Identity(BENCHMARK, namespace, "digits-1", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
    template = benchmark_job(owner, PROFILE, JobSettings("tollgate.dev/operator:dev"))["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "bench", "namespace": namespace},
        "spec": template["spec"],
    }
    eventually(
        "the namespace has its service account",
        lambda: kubectl.run("get", "serviceaccount", "default", "-n", namespace).returncode == 0,
    )
    kubectl("create", "--dry-run=server", objects=[pod])
    pod["spec"]["containers"][0]["securityContext"].pop("capabilities")
    assert "violates PodSecurity" in kubectl.refused("create", "--dry-run=server", objects=[pod])


def test_a_candidate_is_taken_as_it_is(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", objects=[deployment(namespace, "copied", "model:1")])
    target = kubectl.get("deployment", "copied", "-n", namespace)
    budget = Identity(BUDGET, namespace, "digits", "11111111-2222-3333-4444-555555555555")
    made = candidate(target, budget, revision="0123456789", replicas=1, join_labels={"app": "copied"})
    taken = json.loads(kubectl("create", "--dry-run=server", "-o", "json", objects=[made]))
    assert contains(taken["spec"], made["spec"])
    assert taken["spec"]["template"]["spec"] == target["spec"]["template"]["spec"]


def test_a_baseline_is_made_of_the_replica_set_that_the_controller_made(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl("create", objects=[deployment(namespace, "paired", "model:1")])

    def replica_set() -> Object | None:
        listed = kubectl.get("replicaset", "-n", namespace, "-l", "tier=model")["items"]
        return next((rs for rs in listed if rs["metadata"]["name"].startswith("paired-")), None)

    source = eventually("there is a ReplicaSet", replica_set)
    target = kubectl.get("deployment", "paired", "-n", namespace)
    budget = Identity(BUDGET, namespace, "digits", "11111111-2222-3333-4444-555555555555")
    made = baseline(target, source, budget, revision="0123456789", replicas=1, join_labels={"app": "paired"})
    taken = json.loads(kubectl("create", "--dry-run=server", "-o", "json", objects=[made]))
    assert contains(taken["spec"], made["spec"])
    assert taken["spec"]["template"]["spec"] == target["spec"]["template"]["spec"]
    assert not {"app", "pod-template-hash"} & taken["spec"]["template"]["metadata"]["labels"].keys()


def test_a_released_replica_set_is_let_go_and_the_other_one_serves(kubectl: Kubectl, namespace: str) -> None:
    """The roll-back of design section 3.8, with the real Deployment controller."""
    name = "released"

    def replica_sets() -> dict[str, Object]:
        listed = kubectl.get("replicaset", "-n", namespace, "-l", "tier=model")["items"]
        return {
            rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs
            for rs in listed
            if rs["metadata"]["name"].startswith(name)
        }

    def replicas(image: str) -> int:
        return int(replica_sets().get(image, {"spec": {"replicas": -1}})["spec"]["replicas"])

    kubectl("apply", "--server-side", objects=[deployment(namespace, name, "model:1")])
    eventually("model:1 is scaled up", lambda: replicas("model:1") == 1)
    kubectl("apply", "--server-side", objects=[deployment(namespace, name, "model:2")])
    eventually("model:2 has taken over", lambda: (replicas("model:1"), replicas("model:2")) == (0, 1))

    bad = replica_sets()["model:2"]
    target = kubectl.get("deployment", name, "-n", namespace)
    for kind, which, body in (
        ("deployment", name, patches.latch()),
        ("replicaset", bad["metadata"]["name"], patches.release(target, revision="0123456789")),
    ):
        kubectl("patch", kind, which, "-n", namespace, "--type=merge", "-p", json.dumps(body))

    eventually("model:1 serves again", lambda: replicas("model:1") == 1)
    released = replica_sets()["model:2"]
    assert "ownerReferences" not in released["metadata"]
    assert released["metadata"]["labels"][RELEASED] == name
    assert released["spec"]["replicas"] == 1
    after = kubectl.get("deployment", name, "-n", namespace)
    assert after["spec"]["template"] == target["spec"]["template"]
