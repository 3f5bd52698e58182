"""A policy that cannot be enforced says why and what to do, on itself, and disturbs no other."""

from __future__ import annotations

import pytest

from tests.e2e.scene import NAME, Scene, budget, deployment, fast
from tests.support.kube import stays, wait_until


@pytest.fixture
def healthy(scene: Scene) -> Scene:
    """A namespace in which one budget is enforced."""
    scene.adopt(fast("v1"), replicas=1)
    scene.says("Ready", "Enforced")
    return scene


def test_what_is_wrong_is_said_and_others_go_on(healthy: Scene) -> None:
    limits = {"name": "tail", "dimension": "Latency", "statistic": "P999", "max": "100ms"}
    wrong = {
        "second": (budget("second"), "TargetConflict", f"EfficiencyBudget {NAME}", "one budget"),
        "lost": (budget("lost", target={"name": "nobody"}), "TargetNotFound", "nobody", "create it"),
        "unloaded": (
            budget("unloaded", target={"name": "other"}, benchmark={"profileRef": {"name": "no-load"}}),
            "BenchmarkProfileNotFound", "no-load", "kubectl get benchmarkprofiles",
        ),
        "unseen": (
            budget("unseen", target={"name": "another"}, metrics={"profileRef": {"name": "no-metrics"}}),
            "MetricProfileNotFound", "no-metrics", "kubectl get metricprofiles",
        ),
        "strict": (
            budget("strict", target={"name": "strict"}, objectives=[limits]),
            "StageTooShort", "objective tail", "durationSeconds",
        ),
    }  # fmt: skip
    # Without pods: what is wrong is wrong already.
    idle = [deployment(fast("v1"), replicas=0, name=name) for name in ("other", "another", "strict")]
    healthy.kube.apply(*idle, *(manifest for manifest, *_ in wrong.values()))
    for name, (_, reason, what, remedy) in wrong.items():

        def told(name: str = name, reason: str = reason) -> str | None:
            ready, stalled = (healthy.condition(kind, name) for kind in ("Ready", "Stalled"))
            if ready is None or stalled is None or (ready.status, stalled.status) != ("False", "True"):
                return None
            return ready.message if ready.reason == reason else None

        message = wait_until(f"budget {name} says {reason}", told, 90)
        assert what in message
        assert remedy in message
        assert healthy.status(name).observed_generation == 1
    assert healthy.says("Ready", "Enforced").status == "True"
    assert healthy.status().release is not None
    assert healthy.target()["metadata"]["labels"]["tollgate.dev/governed"] == "Resume"


def test_limit_above_every_bucket_is_refused_with_what_to_do(scene: Scene) -> None:
    objectives = [{"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "20s"}]
    scene.serve(fast("v1"), replicas=1)
    scene.users.start(rate=10)
    scene.kube.apply(budget(objectives=objectives))
    ready = scene.says("Ready", "BucketResolution")
    assert ready.status == "False"
    assert "add the edge 20s" in ready.message
    # That every request is below the highest edge can be told, and that one is above the limit never.
    stays("no breach", lambda: (found := scene.condition("WithinBudget")) and found.status != "False", 10)
    scene.users.stop()
