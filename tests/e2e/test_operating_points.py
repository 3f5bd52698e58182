"""A sweep over a setting of the model, on copies that no user reaches, on the real cluster."""

from __future__ import annotations

from tests.e2e.scene import NAME, Scene, budget, profiles, slow
from tests.support.kube import Object, wait_until
from tollgate.api.benchmark import Benchmark, BenchmarkStatus

THRESHOLD = {"name": "EXIT_THRESHOLD", "values": ["0.75", "0.15"]}


def sweep(scene: Scene, profile: str) -> list[Object]:
    """A profile of two operating points, a good budget that governs nothing here, and the Benchmark of the sweep."""
    made, _ = profiles()
    spec = made["spec"] | {"sweep": {"environment": [THRESHOLD]}}
    benchmark: Object = {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "Benchmark",
        "metadata": {"name": "points"},
        "spec": {
            "profileRef": {"name": profile},
            "target": {"name": NAME},
            "sweep": {"budgetRef": {"name": "points"}},
        },
    }
    elsewhere = budget("points", target={"name": "nothing-here"})
    return [made | {"metadata": {"name": profile}, "spec": spec}, elsewhere, benchmark]


def test_a_slow_operating_point_is_not_feasible_and_a_quick_one_is(scene: Scene) -> None:
    profile = f"{scene.kube.namespace}-points"
    scene.serve(slow("v1"), 1)
    scene.kube.apply(*sweep(scene, profile))

    def ended() -> BenchmarkStatus | None:
        status = Benchmark.model_validate(scene.kube.get("benchmark", "points")).status
        for copy in scene.kube.list("deployments", "tollgate.dev/sweep"):
            labels = copy["spec"]["template"]["metadata"]["labels"]
            assert "app.kubernetes.io/name" not in labels, "by which the Service finds pods"
        return status if status.phase in ("Succeeded", "Failed") else None

    try:
        status = wait_until("the sweep has ended", ended, 300)
    finally:
        scene.kube.delete("benchmarkprofile", profile)
    assert status.phase == "Succeeded", status
    slow_one, quick = status.operating_points
    assert (slow_one.settings, slow_one.feasible) == ("EXIT_THRESHOLD=0.75", "No"), status
    assert (quick.settings, quick.feasible, quick.dominated_by) == ("EXIT_THRESHOLD=0.15", "Yes", None), (
        status
    )
    assert "tail: stage steady" in slow_one.message
    left = [d["metadata"]["name"] for d in scene.kube.list("deployments")]
    assert left == [NAME], "the copies are gone"
