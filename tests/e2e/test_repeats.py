"""A benchmark that says too little is measured again, by itself and when people ask; what it counted is added up."""

from __future__ import annotations

from typing import Any

from tests.e2e.scene import Scene, budget, fast
from tests.support.kube import Object, wait_until
from tollgate.api.budget import Release, Stage
from tollgate.manifests.names import ANNOTATION_MEASURE_AGAIN

REQUESTS = 125
"""Of a benchmark. As dataset, model and seed are fixed, 1, 4, 5 and 2 are answered wrongly in the first four."""


def asking(accuracy: str, **annotations: str) -> Object:
    """A budget that asks for this accuracy, and may have a measurement asked for."""
    objectives = [{"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": accuracy}]
    made = budget(objectives=objectives)
    made["metadata"]["annotations"] = annotations
    return made


def test_too_few_requests_are_added_to_until_they_suffice(scene: Scene) -> None:
    scene.serve(fast("v1"))
    scene.kube.apply(asking("0.97"))
    scene.reaches(1, Stage.PROMOTED)
    scene.users.start(rate=20)
    scene.push(fast("v2"))

    two = measured(scene, 2)
    assert (two["acc"].requests, two["acc"].over_limit) == (2 * REQUESTS, 1 + 4)
    wait_until("why it waits", lambda: scene.release().reason == "BenchmarkRepeated", 90)
    scene.kube.apply(asking("0.97", **{ANNOTATION_MEASURE_AGAIN: "by-sre"}))
    three = measured(scene, 3)
    assert (three["acc"].requests, three["acc"].over_limit) == (3 * REQUESTS, 1 + 4 + 5)
    assert scene.release().asked == "by-sre"
    held = wait_until("what people can do", lambda: "annotate effb" in scene.release().message, 90)
    assert held, "three times by itself are enough"

    scene.kube.apply(asking("0.90", **{ANNOTATION_MEASURE_AGAIN: "by-sre"}))
    scene.reaches(2, Stage.WATCHING)
    assert scene.actions() == ["1 Adopted", "0 BudgetChanged", "2 Promoted"]
    evidence = scene.decisions()[-1].benchmark_evidence
    assert evidence is not None
    assert [evidence.look, len(evidence.repeats), evidence.asked] == [3, 2, "by-sre"]
    assert all(arm.result is not None for arm in (evidence.candidate, *evidence.repeats))


def measured(scene: Scene, benchmarks: int) -> dict[str, Any]:
    """The verdicts, by objective, once so many benchmarks are added up; what the client limited is none of them."""

    def there() -> Release | None:
        release = scene.release()
        counted = {result.requests for result in release.benchmark_objectives}
        return release if counted == {benchmarks * REQUESTS} else None

    release = wait_until(f"{benchmarks} benchmarks are added up", there, 180)
    return {result.name: result for result in release.benchmark_objectives}
