"""A candidate is measured in turn with last-good, of which pods run beside it for as long as that takes."""

from __future__ import annotations

from typing import Any

from tests.e2e.scene import BASELINE, BENCHMARK_PROFILE, CANDIDATE, Scene, fast, thrifty, version_of
from tests.support.kube import wait_until
from tests.support.traffic import by_version, failed
from tollgate.api.budget import Stage
from tollgate.api.verdict import Relation

PAIRED: dict[str, Any] = {
    "benchmark": {"profileRef": {"name": BENCHMARK_PROFILE}, "baseline": "Paired"},
    "objectives": [
        {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "500ms", "maxRegression": "50%"},
        {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "1s", "maxRegression": "50%"},
        {"name": "errs", "dimension": "ErrorRate", "max": "5%"},
    ],
    "tradeOffs": "Forbid",
}


def test_slower_version_is_refused_though_last_good_was_never_measured_before(scene: Scene) -> None:
    scene.adopt(fast("v1"), **PAIRED)
    scene.users.start(rate=20)
    scene.push(thrifty("v2"))
    scene.reaches(2, Stage.BENCHMARKING)
    copies = [pod for pod in scene.pods() if pod["metadata"]["name"].startswith(BASELINE)]
    assert [version_of(pod) for pod in copies] == ["v1"] * len(copies)
    assert len(copies) == len([pod for pod in scene.pods() if pod["metadata"]["name"].startswith(CANDIDATE)])
    assert not {pod["metadata"]["name"] for pod in copies} & set(scene.endpoints()), "no user reaches a copy"

    release = scene.reaches(2, Stage.REJECTED)
    assert {r.name: r.relation for r in release.benchmark_objectives}["mean"] is Relation.WORSE
    assert "mean is worse" in release.message
    for name in (BASELINE, CANDIDATE):
        wait_until(f"{name} to be gone", lambda name=name: scene.kube.find("deployment", name) is None)  # type: ignore[misc]

    answers = scene.users.stop()
    assert not failed(answers)
    assert set(by_version(answers)) == {"v1"}
    wait_until("the record", lambda: scene.actions() == ["1 Adopted", "2 Rejected"], 90)
    evidence = scene.decisions()[-1].benchmark_evidence
    assert evidence is not None
    assert evidence.paired is not None
    assert evidence.candidate.result is not None
    assert [stage.name for stage in evidence.candidate.result.paired] == ["steady"]
    assert evidence.candidate.result.baseline_pods == len(copies)
