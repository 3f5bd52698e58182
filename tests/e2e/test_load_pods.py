"""A benchmark that several pods of several processes send together, on the real cluster."""

from __future__ import annotations

from typing import Any

from tests.e2e.scene import NAME, Scene, fast, profiles
from tests.support.kube import Object, wait_until
from tollgate.api.benchmark import Benchmark, BenchmarkStatus


def started(scene: Scene, **spec: Any) -> str:
    """A profile like the tests' own with two pods of two workers, and a Benchmark by it; its name."""
    name = f"{scene.kube.namespace}-pods"
    profile, _ = profiles()
    several = {"pods": 2, "workers": 2, "startSeconds": 30, "resources": {"cpu": "100m", "memory": "128Mi"}}
    profile |= {"metadata": {"name": name}, "spec": profile["spec"] | several | spec}
    benchmark: Object = {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "Benchmark",
        "metadata": {"name": "by-hand"},
        "spec": {"profileRef": {"name": name}, "target": {"name": NAME}, "limits": ["250ms"]},
    }
    scene.serve(fast("v1"), 2)
    wait_until("v1 serves", lambda: scene.serves(fast("v1"), 2))
    scene.kube.apply(profile, benchmark)
    return name


def measured(scene: Scene) -> BenchmarkStatus:
    def ended() -> BenchmarkStatus | None:
        status = Benchmark.model_validate(scene.kube.get("benchmark", "by-hand")).status
        return status if status.phase in ("Succeeded", "Failed") else None

    return wait_until("the Benchmark has ended", ended, 180)


def test_pods_and_workers_send_one_stage_together(scene: Scene) -> None:
    name = started(scene)
    try:
        status = measured(scene)
    finally:
        scene.kube.delete("benchmarkprofile", name)
    assert status.phase == "Succeeded", status
    assert status.result is not None
    (stage,) = status.result.stages
    assert (stage.requests, stage.errors, stage.workers_lost) == (125, 0, 0)
    assert stage.client is not None
    assert stage.client.workers == 4
    assert len(scene.kube.list("pods", "batch.kubernetes.io/job-name=by-hand")) == 2


def test_a_pod_that_is_lost_makes_the_stage_inconclusive(scene: Scene) -> None:
    name = started(scene)
    try:
        pods = wait_until(
            "both pods are there",
            lambda: found if len(found := scene.kube.list("pods", "job-name=by-hand")) == 2 else None,
        )
        scene.kube.delete("pod", pods[1]["metadata"]["name"])
        status = measured(scene)
    finally:
        scene.kube.delete("benchmarkprofile", name)
    assert status.phase == "Succeeded", status
    assert status.result is not None
    (stage,) = status.result.stages
    assert stage.workers_lost == 2
    assert "1 of 2 pods left no result" in stage.client_limited
    assert 62 <= stage.requests <= 63
